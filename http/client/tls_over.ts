/** TLS, as a client, over a connection that is there already. As Go's `tls.Client`. */
import type { Deadline } from "../../deadline.ts";
import type { Address, Conn, ConnectionState } from "../../net/conn.ts";
import { opError } from "../../net/runtime/errors.ts";
import { checkPair, tlsError, type TlsStream } from "../../net/runtime/tls.ts";
import { StreamConn } from "../../net/stream.ts";
import type { TransportTlsOptions } from "./transport_options.ts";

/** What goes into a handshake. */
export interface TlsOverOptions {
  /** Whom to trust, and who this is. */
  readonly tls: TransportTlsOptions;
  /** The name that the certificate must be good for. */
  readonly serverName: string;
  /** When to give up. */
  readonly deadline: Deadline;
}

class TlsOverConn extends StreamConn<TlsStream, Address> {
  protected override fail(op: string, cause?: unknown): Error {
    return tlsError(super.fail(op, cause));
  }
}

/**
 * Begins TLS on a connection and completes the handshake.
 *
 * @param conn The connection, from now on part of the other; closed if this fails.
 * @param options Whom to trust.
 * @returns The connection, and what was settled.
 */
export async function tlsOver(
  conn: Conn,
  { tls, serverName, deadline }: TlsOverOptions,
): Promise<[Conn, ConnectionState]> {
  const { caCerts = [], cert, key } = tls;
  const ends: [Address, Address] = [conn.localAddr, conn.remoteAddr];
  let secure: TlsOverConn | undefined;
  try {
    const pair = cert === undefined || key === undefined ? undefined : { cert, key };
    if (pair !== undefined) checkPair(pair);
    // Loaded when it is needed: node's modules cost a script as much as all of `net`.
    const { nodeClient } = await import("../../net/runtime/node_tls.ts");
    const how = { serverName, caCerts, alpnProtocols: ["http/1.1"], pair };
    const stream = nodeClient(conn, how);
    secure = new TlsOverConn(stream, "tcp", () => ends);
    await deadline.race(() => stream.handshake());
    const alpnProtocol = stream.alpnProtocol ?? null;
    return [secure, { handshakeComplete: true, alpnProtocol, serverName }];
  } catch (error) {
    secure?.close();
    conn.close();
    if (error instanceof TypeError) throw error;
    const context = { op: "handshake", network: "tcp", addr: String(ends[1]) };
    throw tlsError(opError(error, context));
  }
}
