/** The certificates of the TLS tests, in PEM; `make.sh` makes them. */

/** Where a file of this folder is, for other people's programs. */
export const tlsFile = (name: string): string => new URL(name, import.meta.url).pathname;

const read = (name: string) => Deno.readTextFileSync(tlsFile(name));

/** The authority that has signed what follows. */
export const ca: string = read("ca.pem");

/** Good for `localhost`, `example.test`, 127.0.0.1 and ::1. */
export const server = { cert: read("server.pem"), key: read("server.key") };

/** As `server`, until 2 January 2020. */
export const expired = { cert: read("expired.pem"), key: read("server.key") };

/** A client's. */
export const client = { cert: read("client.pem"), key: read("client.key") };

/** Good for the names of `server`, and signed by nobody but itself. */
export const stranger = { cert: read("stranger.pem"), key: read("stranger.key") };
