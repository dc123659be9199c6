/** What each byte may be part of: the scanners ask one table for each byte. */

/** Horizontal tab. */
export const TAB = 0x09;
/** Line feed. */
export const LF = 0x0a;
/** Carriage return. */
export const CR = 0x0d;
/** Space. */
export const SP = 0x20;
/** `:`. */
export const COLON = 0x3a;
/** `;`. */
export const SEMICOLON = 0x3b;

/** 1 for the bytes of a token (RFC 9110 section 5.6.2). */
export const tokenBytes: Uint8Array<ArrayBuffer> = table((byte) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : 0
);

/** 1 for the bytes of a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5). */
export const valueBytes: Uint8Array<ArrayBuffer> = table((byte) =>
  byte === TAB || (byte >= SP && byte !== 0x7f) ? 1 : 0
);

/** 1 for the bytes of a request target: visible ASCII but `#` (RFC 9112 section 3.2). */
export const targetBytes: Uint8Array<ArrayBuffer> = table((byte) =>
  byte > SP && byte < 0x7f && byte !== 0x23 ? 1 : 0
);

/** The value of a hexadecimal digit, 255 for any other byte. */
export const hexDigits: Uint8Array<ArrayBuffer> = table((byte) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
  return digit === -1 ? 255 : digit;
});

function table(of: (byte: number) => number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 256 }, (_, byte) => of(byte));
}
