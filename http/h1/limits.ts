/** The numbers that bound what a peer can make us hold or do, each with its reason. */

/** How large a head may be. */
export interface HeadLimits {
  /** Bytes of the whole head, with its empty line. */
  maxHeadBytes: number;
  /** Header fields. */
  maxHeaders: number;
  /** Bytes of the request line or status line. */
  maxLineBytes: number;
}

/** Limits of a request's head: as Go's `DefaultMaxHeaderBytes`; longer targets than 64 KiB are attacks. */
export const requestLimits: Readonly<HeadLimits> = {
  maxHeadBytes: 1 << 20,
  maxHeaders: 500,
  maxLineBytes: 64 << 10,
};

/** Limits of a response's head: a client chose its server, so it trusts it with more. */
export const responseLimits: Readonly<HeadLimits> = {
  maxHeadBytes: 10 << 20,
  maxHeaders: 500,
  maxLineBytes: 64 << 10,
};

/** Limits of a trailer section, which is held in memory besides the connection's buffer. */
export const trailerLimits: Readonly<HeadLimits> = {
  maxHeadBytes: 64 << 10,
  maxHeaders: 500,
  maxLineBytes: 64 << 10,
};

/** Digits of a chunk size: 64 bits. More would only be leading zeros. */
export const maxChunkDigits = 16;

/**
 * Bytes of a chunk's framing that are free: a size of four digits and both line ends. So a body
 * of honest one-byte chunks, however long, is accepted.
 */
export const freeChunkOverhead = 8;

/**
 * Bytes of framing beyond the free ones (extensions, leading zeros) that a body may run ahead of
 * its data. Each byte of data pays one back (compare CVE-2023-39326 of net/http).
 */
export const maxChunkOverhead = 16 << 10;
