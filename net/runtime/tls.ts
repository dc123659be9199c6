/** TLS through the runtime's own sockets, and what its failures mean. */
import process from "node:process";
import { OpError } from "../errors.ts";
import type { ByteStream } from "../stream.ts";

/** What an engine of TLS provides. */
export interface TlsStream extends ByteStream {
  /** The protocol agreed on, `null` for none; `undefined` until the handshake is done. */
  readonly alpnProtocol: string | null | undefined;
  /** Completes the handshake, once however often it is asked. */
  handshake(): Promise<unknown>;
}

/** What a client brings to the handshake. */
export interface StartTlsOptions {
  /** The name or IP address that the server's certificate must be good for. */
  readonly serverName: string;
  /** Roots to trust beside the usual ones, in PEM. */
  readonly caCerts: readonly string[];
  /** Protocols to offer, the favourite first. */
  readonly alpnProtocols: readonly string[];
}

/** A TLS client of the runtime. */
export class RuntimeTlsStream implements TlsStream {
  readonly #conn: Deno.TlsConn;
  #handshake: Promise<void> | undefined;
  alpnProtocol: string | null | undefined;

  /** @param conn The runtime's connection, from now on this one's alone. */
  constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
  }

  handshake(): Promise<void> {
    return this.#handshake ??= this.#conn.handshake().then(({ alpnProtocol }) => {
      this.alpnProtocol = alpnProtocol ?? null;
    });
  }

  read(p: Uint8Array): Promise<number | null> {
    return this.#conn.read(p);
  }

  write(p: Uint8Array): Promise<number> {
    return this.#conn.write(p);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    this.#conn.close();
  }

  ref(): void {
    (this.#conn as unknown as Deno.TcpConn).ref();
  }

  unref(): void {
    (this.#conn as unknown as Deno.TcpConn).unref();
  }
}

/**
 * Begins TLS on a connection, as a client.
 *
 * @param conn A connection nothing has been read from; it is closed if this fails.
 * @param options Whom to trust and what to offer.
 */
export async function startTls(
  conn: Deno.TcpConn,
  options: StartTlsOptions,
): Promise<RuntimeTlsStream> {
  const { serverName, caCerts, alpnProtocols } = options;
  try {
    const tls = await Deno.startTls(conn, {
      hostname: serverName,
      caCerts: [...caCerts],
      ...(alpnProtocols.length > 0 && { alpnProtocols: [...alpnProtocols] }),
    });
    return new RuntimeTlsStream(tls);
  } catch (error) {
    try {
      conn.close();
    } catch {
      // The runtime has taken it, or somebody else has closed it.
    }
    throw error;
  }
}

/** A certificate with what leads to its root, and its private key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Refuses a certificate and a key that are not a pair.
 *
 * @throws {TypeError} They are not, or one of them cannot be read.
 */
export function checkPair({ cert, key }: KeyPair): void {
  checkPem("cert", cert, "certificate");
  checkPem("key", key, "private key");
  // Not imported: it would cost every script that dials as much as the rest of the module.
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule("node:crypto");
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    const { message } = error as Error;
    throw new TypeError(`cert and key cannot be used: ${message}`, { cause: error });
  }
  if (!fits) throw new TypeError("cert and key must belong together: the key is another's");
}

/** What a PEM option holds. */
export type PemKind = "certificate" | "private key";

const labels = {
  "certificate": /^(X509 |TRUSTED )?CERTIFICATE$/,
  "private key": /^((RSA|EC) )?PRIVATE KEY$/,
};

const block = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

/**
 * Refuses what is not PEM of the right kind. The runtime finds out as well, but late, and passes
 * over a root that it cannot read.
 *
 * @param name The option, for the message.
 * @param text What the caller gave.
 * @param kind What it should hold.
 * @throws {TypeError} It does not.
 */
export function checkPem(name: string, text: unknown, kind: PemKind): void {
  if (typeof text !== "string") {
    throw new TypeError(`${name} must be a string of PEM, got ${typeof text}`);
  }
  const blocks = [...text.matchAll(block)].filter(([, label]) => labels[kind].test(label));
  if (blocks.length === 0) {
    const encrypted = kind === "private key" && text.includes("-----BEGIN ENCRYPTED PRIVATE KEY");
    const why = encrypted ? "it is encrypted" : `found no "-----BEGIN ${kind.toUpperCase()}-----"`;
    throw new TypeError(`${name} must hold a ${kind} in PEM: ${why}`);
  }
  if (!blocks.every(([, , body]) => isSequence(body))) {
    throw new TypeError(`${name} must hold a ${kind} in PEM: its contents are damaged`);
  }
}

/** Whether Base64 text holds exactly one DER SEQUENCE, as certificates and keys do (X.690 8.1). */
function isSequence(base64: string): boolean {
  let der: Uint8Array;
  try {
    der = Uint8Array.from(atob(base64.replace(/\s+/g, "")), (char) => char.charCodeAt(0));
  } catch {
    return false;
  }
  if (der[0] !== 0x30 || der.length < 2) return false;
  const extra = der[1] < 0x80 ? 0 : der[1] & 0x7f;
  let length = extra === 0 ? der[1] : 0;
  for (const byte of der.subarray(2, 2 + extra)) length = length * 256 + byte;
  return der.length === 2 + extra + length;
}

/** What the engines say, and the code it gets; the runtime's words first, then `node:tls`'s. */
const codes: [RegExp, string][] = [
  [/^invalid peer certificate: UnknownIssuer/, "ERR_TLS_UNKNOWN_ISSUER"],
  [/^invalid peer certificate: (certificate )?(expired|not ?valid ?yet)/i, "ERR_TLS_EXPIRED"],
  [/^invalid peer certificate: (certificate )?not ?valid ?for ?name/i, "ERR_TLS_HOSTNAME"],
  // All that Deno's node:tls says of an issuer it does not know, and of dates that are over.
  [/^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/, "ERR_TLS_UNVERIFIED"],
  [/^(UNABLE_TO_|(DEPTH_ZERO_)?SELF_SIGNED_CERT)/, "ERR_TLS_UNKNOWN_ISSUER"],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, "ERR_TLS_EXPIRED"],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "ERR_TLS_HOSTNAME"],
  [/^the peer does not speak TLS$/, "ERR_TLS_PLAIN"],
  [/^(invalid peer certificate|ERR_SSL_|ERR_TLS_|CERT_)/, "ERR_TLS"],
];

/**
 * Gives a failure of TLS its code; others pass through.
 *
 * @param error The error of an operation.
 * @returns The same error, or one like it with an `ERR_TLS...` code and the engine's words.
 */
export function tlsError(error: Error): Error {
  const { cause } = error;
  if (!(error instanceof OpError) || !(cause instanceof Error)) return error;
  const said = [cause.message, (cause as { code?: unknown }).code];
  const found = codes.find(([words]) => said.some((s) => typeof s === "string" && words.test(s)));
  const code = found?.[1] ?? error.code;
  if (code === error.code) return error;
  const { op, network, source, addr } = error;
  return new OpError({ op, network, source, addr, reason: `tls: ${cause.message}`, code, cause });
}
