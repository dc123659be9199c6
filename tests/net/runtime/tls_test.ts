import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ClosedError } from "../../../net/errors.ts";
import { opError } from "../../../net/runtime/errors.ts";
import { checkPair, checkPem, type PemKind, tlsError } from "../../../net/runtime/tls.ts";
import { ca, client, server } from "../../support/tls/certificates.ts";

const context = { op: "handshake", network: "tcp", addr: "127.0.0.1:1" };

const invalid = (message: string) => new Deno.errors.InvalidData(message);
const coded = (code: string) => Object.assign(new Error("in node's words"), { code });

const failures: [error: Error, code: string][] = [
  [invalid("invalid peer certificate: UnknownIssuer"), "ERR_TLS_UNKNOWN_ISSUER"],
  [invalid("invalid peer certificate: Expired"), "ERR_TLS_EXPIRED"],
  [
    invalid("invalid peer certificate: certificate expired: verification time 1"),
    "ERR_TLS_EXPIRED",
  ],
  [invalid("invalid peer certificate: NotValidYet"), "ERR_TLS_EXPIRED"],
  [invalid("invalid peer certificate: certificate not valid yet: and so on"), "ERR_TLS_EXPIRED"],
  [invalid("invalid peer certificate: NotValidForName"), "ERR_TLS_HOSTNAME"],
  [invalid('invalid peer certificate: certificate not valid for name "a"'), "ERR_TLS_HOSTNAME"],
  [invalid("invalid peer certificate: BadSignature"), "ERR_TLS"],
  [new Error("invalid peer certificate: BadEncoding"), "ERR_TLS"],
  // What the peer thinks of this side's certificate is not what this side thinks of the peer's.
  [invalid("received fatal alert: UnknownCA"), "ERR_TLS"],
  [invalid("received fatal alert: CertificateExpired"), "ERR_TLS"],
  [coded("CERT_HAS_EXPIRED"), "ERR_TLS_EXPIRED"],
  [coded("CERT_NOT_YET_VALID"), "ERR_TLS_EXPIRED"],
  [coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "ERR_TLS_UNVERIFIED"],
  [coded("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "ERR_TLS_UNKNOWN_ISSUER"],
  [coded("SELF_SIGNED_CERT_IN_CHAIN"), "ERR_TLS_UNKNOWN_ISSUER"],
  [coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "ERR_TLS_UNKNOWN_ISSUER"],
  [coded("ERR_TLS_CERT_ALTNAME_INVALID"), "ERR_TLS_HOSTNAME"],
  [coded("CERT_REVOKED"), "ERR_TLS"],
  [coded("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), "ERR_TLS"],
];
for (const [cause, code] of failures) {
  const said = (cause as { code?: string }).code ?? cause.message;
  Deno.test(`tlsError() gives ${code} to ${said}`, () => {
    const error = tlsError(opError(cause, context)) as Error & { code: string };
    assertEquals(error.code, code);
    assertEquals(error.message, `handshake tcp "127.0.0.1:1": tls: ${cause.message}`);
    assertStrictEquals(error.cause, cause);
  });
}

Deno.test("tlsError() lets what is not TLS's pass through", () => {
  const others = [
    opError(new Deno.errors.ConnectionReset("reset"), context),
    opError(new Deno.errors.UnexpectedEof("cut"), context),
    new ClosedError(context),
    new TypeError("not ours"),
  ];
  for (const other of others) assertStrictEquals(tlsError(other), other);
});

const openssl = (label: string) => server.key.replaceAll("PRIVATE KEY", `${label} PRIVATE KEY`);

Deno.test("checkPem() takes certificates and keys, with words around them", () => {
  checkPem("cert", `Subject: me\r\n${server.cert}\n\n${ca}`, "certificate");
  checkPem("key", server.key, "private key");
  checkPem("key", openssl("EC").replaceAll("\n", "\r\n"), "private key");
  checkPem("key", openssl("RSA"), "private key");
  checkPem("key", server.cert + client.key, "private key");
});

const begin = "-----BEGIN CERTIFICATE-----\n";
const end = "-----END CERTIFICATE-----\n";
const refused: [what: string, text: unknown, kind: PemKind, says: string][] = [
  ["what is no string", new Uint8Array(1), "certificate", "must be a string of PEM, got object"],
  ["text without PEM", "x", "certificate", 'found no "-----BEGIN CERTIFICATE-----"'],
  ["an empty text", "", "private key", 'found no "-----BEGIN PRIVATE KEY-----"'],
  ["a key for a certificate", client.key, "certificate", "must hold a certificate in PEM"],
  ["a certificate for a key", client.cert, "private key", "must hold a private key in PEM"],
  ["an encrypted key", openssl("ENCRYPTED"), "private key", "it is encrypted"],
  ["a certificate cut short", ca.slice(0, 300), "certificate", "found no"],
  ["what is no Base64", `${begin}????${end}`, "certificate", "its contents are damaged"],
  ["what is no DER", `${begin}AAAA${end}`, "certificate", "its contents are damaged"],
  ["an empty block", begin + end, "certificate", "its contents are damaged"],
  ["DER cut short", `${begin}MIIB${end}`, "certificate", "its contents are damaged"],
  ["one damaged among others", ca + begin + end, "certificate", "its contents are damaged"],
];
for (const [what, text, kind, says] of refused) {
  Deno.test(`checkPem() refuses ${what}`, () => {
    assertThrows(() => checkPem("option", text, kind), TypeError, `option must`);
    assertThrows(() => checkPem("option", text, kind), TypeError, says);
  });
}

Deno.test("checkPair() takes a pair, and says what is wrong with another", () => {
  checkPair(client);
  assertThrows(
    () => checkPair({ ...client, key: server.key }),
    TypeError,
    "the key is another's",
  );
  assertThrows(() => checkPair({ ...client, key: "x" }), TypeError, "key must hold");
  assertThrows(() => checkPair({ ...client, cert: "x" }), TypeError, "cert must hold");
});
