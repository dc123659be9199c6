/** Raw responses, and what every client must make of them. */

/** What a client must make of a response. */
export type ResponseOutcome =
  | {
    /** It is delivered. */
    readonly outcome: "response";
    readonly status: number;
    readonly reason: string;
    /** The body, each byte a character. */
    readonly body: string;
    /** Flat: name, value, name, value. */
    readonly trailers: readonly string[];
    /** Whether another request may go out on the connection. */
    readonly reusable: boolean;
  }
  | {
    /** It breaks a rule: an error with this code, and the connection is closed. */
    readonly outcome: "refused";
    readonly code: string;
  }
  | {
    /** The connection ended before the message did: never delivered as complete. */
    readonly outcome: "cut";
  };

/** Bytes of a connection, which the server then closes. */
export interface ResponseCase {
  /** What is special, unique in the table. */
  readonly name: string;
  /** The rule that says so. */
  readonly rfc: string;
  /** The method of the request; GET by default. */
  readonly method?: string;
  /** The bytes, each character one. */
  readonly bytes: string;
  /** What must come of it. */
  readonly expected: ResponseOutcome;
}

type Delivered = Extract<ResponseOutcome, { outcome: "response" }>;

const cut: ResponseOutcome = { outcome: "cut" };

function refused(code: string): ResponseOutcome {
  return { outcome: "refused", code };
}

function ok(body: string, more: Partial<Delivered> = {}): ResponseOutcome {
  return {
    outcome: "response",
    status: 200,
    reason: "OK",
    body,
    trailers: [],
    reusable: true,
    ...more,
  };
}

type Row = readonly [
  name: string,
  rfc: string,
  bytes: string,
  expected: ResponseOutcome,
  method?: string,
];

function rows(make: (part: string) => string, list: readonly Row[]): ResponseCase[] {
  return list.map(([name, rfc, bytes, expected, method]) => ({
    name,
    rfc,
    bytes: make(bytes),
    expected,
    ...(method === undefined ? {} : { method }),
  }));
}

const badLine = refused("ERR_HTTP_STATUS_LINE");
const badVersion = refused("ERR_HTTP_VERSION");
const badName = refused("ERR_HTTP_HEADER_NAME");
const badValue = refused("ERR_HTTP_HEADER_VALUE");
const badLength = refused("ERR_HTTP_CONTENT_LENGTH");
const badCoding = refused("ERR_HTTP_TRANSFER_ENCODING");
const badSize = refused("ERR_HTTP_CHUNK_SIZE");
const bareLf = refused("ERR_HTTP_BARE_LF");
const bareCr = refused("ERR_HTTP_BARE_CR");

const statusLines = rows((line) => `${line}\r\nContent-Length: 2\r\n\r\nhi`, [
  ["the simplest", "RFC 9112 4", "HTTP/1.1 200 OK", ok("hi")],
  ["an empty reason", "RFC 9112 4", "HTTP/1.1 200 ", ok("hi", { reason: "" })],
  ["no reason and no space", "RFC 9112 4", "HTTP/1.1 200", ok("hi", { reason: "" })],
  [
    "a reason of words, tabs and latin1",
    "RFC 9112 4",
    "HTTP/1.1 404 N\xf6 \tway: x",
    ok("hi", { status: 404, reason: "N\xf6 \tway: x" }),
  ],
  [
    "a status nobody knows",
    "RFC 9110 15",
    "HTTP/1.1 599 X",
    ok("hi", { status: 599, reason: "X" }),
  ],
  ["HTTP/1.0 closes", "RFC 9112 9.3", "HTTP/1.0 200 OK", ok("hi", { reusable: false })],
  ["HTTP/1.2 is taken as 1.1", "RFC 9110 2.5", "HTTP/1.2 200 OK", ok("hi")],
  ["HTTP/2.0", "RFC 9110 2.5", "HTTP/2.0 200 OK", refused("ERR_HTTP_VERSION_NOT_SUPPORTED")],
  ["a lower-case version", "RFC 9112 2.3", "http/1.1 200 OK", badVersion],
  ["a version without a minor", "RFC 9112 2.3", "HTTP/1 200 OK", badVersion],
  ["another protocol", "RFC 9112 2.3", "ICY 200 OK", badVersion],
  ["a blank before the version", "RFC 9112 4", " HTTP/1.1 200 OK", badVersion],
  ["an empty line first", "RFC 9112 2.2", "\r\nHTTP/1.1 200 OK", badVersion],
  ["two spaces before the status", "RFC 9112 4", "HTTP/1.1  200 OK", badLine],
  ["a tab before the status", "RFC 9112 4", "HTTP/1.1\t200 OK", badLine],
  ["a tab behind the status", "RFC 9112 4", "HTTP/1.1 200\tOK", badLine],
  ["no status", "RFC 9112 4", "HTTP/1.1 OK", badLine],
  ["only a version", "RFC 9112 4", "HTTP/1.1", badLine],
  ["a status of two digits", "RFC 9112 4", "HTTP/1.1 20 OK", badLine],
  ["a status of four digits", "RFC 9112 4", "HTTP/1.1 2000 OK", badLine],
  ["a status below 100", "RFC 9110 15", "HTTP/1.1 099 X", badLine],
  ["a signed status", "RFC 9112 4", "HTTP/1.1 +20 OK", badLine],
  ["a NUL in the reason", "RFC 9112 4", "HTTP/1.1 200 O\0K", badLine],
  ["a bare CR in the reason", "RFC 9112 2.2", "HTTP/1.1 200 O\rK", bareCr],
  ["a bare LF in the reason", "RFC 9112 2.2", "HTTP/1.1 200 O\nK", bareLf],
]);

const head = (line: string) => `HTTP/1.1 200 OK\r\n${line}\r\n\r\nhi`;

const headers = rows(head, [
  [
    "a length and close",
    "RFC 9112 9.6",
    "Content-Length: 2\r\nConnection: close",
    ok("hi", { reusable: false }),
  ],
  ["no length: until the end", "RFC 9112 6.3", "X: 1", ok("hi", { reusable: false })],
  ["raw latin1 in a value", "RFC 9110 5.5", "X: \xe9\r\nContent-Length: 2", ok("hi")],
  ["more than the length", "RFC 9112 9.3", "Content-Length: 1", ok("h", { reusable: false })],
  ["less than the length", "RFC 9112 8", "Content-Length: 3", cut],
  ["a space before the colon", "RFC 9112 5.1", "Content-Length : 2", badName],
  ["an empty name", "RFC 9110 5.1", ": 2", badName],
  ["a line without a colon", "RFC 9112 5", "X", badName],
  ["a folded line", "RFC 9112 5.2", "X: 1\r\n 2", refused("ERR_HTTP_OBS_FOLD")],
  ["a bare CR in a value", "RFC 9112 2.2", "X: 1\rY: 2", bareCr],
  ["a bare LF in a value", "RFC 9112 2.2", "X: 1\nY: 2", bareLf],
  ["a NUL in a value", "RFC 9110 5.5", "X: \0", badValue],
  ["an escape in a value", "RFC 9110 5.5", "X: \x1b[2J", badValue],
  ["two different lengths", "RFC 9112 6.3", "Content-Length: 2\r\nContent-Length: 3", badLength],
  ["two equal lengths", "RFC 9112 6.3", "Content-Length: 2\r\nContent-Length: 2", badLength],
  ["a list of lengths", "RFC 9112 6.3", "Content-Length: 2, 3", badLength],
  ["an empty length", "RFC 9110 8.6", "Content-Length:", badLength],
  ["a negative length", "RFC 9110 8.6", "Content-Length: -2", badLength],
  ["a length with a plus", "RFC 9110 8.6", "Content-Length: +2", badLength],
  ["a hexadecimal length", "RFC 9110 8.6", "Content-Length: 0x2", badLength],
  ["a length of 2^53", "RFC 9110 8.6", "Content-Length: 9007199254740992", badLength],
  [
    "a length with chunked",
    "RFC 9112 6.3",
    "Content-Length: 2\r\nTransfer-Encoding: chunked",
    badLength,
  ],
  ["chunked twice", "RFC 9112 6.1", "Transfer-Encoding: chunked, chunked", badCoding],
  [
    "chunked in two fields",
    "RFC 9112 6.1",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    badCoding,
  ],
  ["chunked not last", "RFC 9112 6.3", "Transfer-Encoding: chunked, gzip", badCoding],
  ["an empty coding", "RFC 9112 6.1", "Transfer-Encoding:", badCoding],
  [
    "gzip and chunked",
    "RFC 9112 6.1",
    "Transfer-Encoding: gzip, chunked",
    refused("ERR_HTTP_TRANSFER_ENCODING_UNKNOWN"),
  ],
  [
    "identity",
    "RFC 9112 6.1",
    "Transfer-Encoding: identity",
    refused("ERR_HTTP_TRANSFER_ENCODING_UNKNOWN"),
  ],
  [
    "too many headers",
    "RFC 6585 5",
    "X: 1\r\n".repeat(500) + "X: 1",
    refused("ERR_HTTP_TOO_MANY_HEADERS"),
  ],
]);

const chunked = rows((body) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`, [
  ["one chunk", "RFC 9112 7.1", "2\r\nhi\r\n0\r\n\r\n", ok("hi")],
  ["an empty chunked body", "RFC 9112 7.1", "0\r\n\r\n", ok("")],
  ["an extension", "RFC 9112 7.1.1", "2;a=b\r\nhi\r\n0;c\r\n\r\n", ok("hi")],
  [
    "trailers",
    "RFC 9112 7.1.2",
    "2\r\nhi\r\n0\r\nX: 1\r\nx: 2\r\n\r\n",
    ok("hi", { trailers: ["X", "1", "x", "2"] }),
  ],
  [
    "bytes behind the last chunk",
    "RFC 9112 9.3",
    "2\r\nhi\r\n0\r\n\r\nx",
    ok("hi", { reusable: false }),
  ],
  ["no last chunk", "RFC 9112 8", "2\r\nhi\r\n", cut],
  ["no empty line", "RFC 9112 8", "2\r\nhi\r\n0\r\n", cut],
  ["half an empty line", "RFC 9112 8", "2\r\nhi\r\n0\r\n\r", cut],
  ["half a chunk", "RFC 9112 8", "5\r\nhi", cut],
  ["half a trailer", "RFC 9112 8", "0\r\nX: 1", cut],
  ["no chunk size", "RFC 9112 7.1", "\r\nhi", badSize],
  ["a blank behind a size", "RFC 9112 7.1", "2 \r\nhi", badSize],
  ["a size of 17 digits", "RFC 9112 7.1", "00000000000000002\r\nhi", badSize],
  ["a size of 2^53", "RFC 9112 7.1", "20000000000000\r\n", badSize],
  ["a bare LF behind a size", "RFC 9112 7.1", "2\nhi", badSize],
  ["a bare CR behind a size", "RFC 9112 7.1", "2\rhi", bareCr],
  [
    "more data than the size",
    "RFC 9112 7.1",
    "2\r\nhi!\r\n0\r\n\r\n",
    refused("ERR_HTTP_CHUNK_DATA"),
  ],
  ["a bare LF in an extension", "RFC 9112 7.1.1", "2;a\nhi", refused("ERR_HTTP_CHUNK_EXTENSION")],
  [
    "an endless extension",
    "RFC 9112 7.1.1",
    `2;${"a".repeat(20_000)}`,
    refused("ERR_HTTP_CHUNK_OVERHEAD"),
  ],
  [
    "a length as a trailer",
    "RFC 9110 6.5.1",
    "0\r\nContent-Length: 2\r\n\r\n",
    refused("ERR_HTTP_TRAILER"),
  ],
]);

const gone = { status: 204, reason: "No Content" };
const same = { status: 304, reason: "Not Modified" };

const bodiless = rows((bytes) => bytes, [
  ["nothing", "RFC 9112 8", "", cut],
  ["half a status line", "RFC 9112 8", "HTTP/1.1 20", cut],
  ["half a head", "RFC 9112 8", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", cut],
  ["a TLS alert", "RFC 9112 4", "\x15\x03\x01\x00\x02\x02\x28", badVersion],
  ["a length of 0", "RFC 9112 6.3", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ok("")],
  ["no headers at all", "RFC 9112 6.3", "HTTP/1.1 200 OK\r\n\r\nhi", ok("hi", { reusable: false })],
  [
    "HEAD with a length",
    "RFC 9112 6.3",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    ok(""),
    "HEAD",
  ],
  [
    "HEAD with chunked",
    "RFC 9112 6.3",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ok(""),
    "HEAD",
  ],
  ["HEAD without a length", "RFC 9112 6.3", "HTTP/1.1 200 OK\r\n\r\n", ok(""), "HEAD"],
  [
    "HEAD with a body all the same",
    "RFC 9112 9.3",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ok("", { reusable: false }),
    "HEAD",
  ],
  ["204", "RFC 9112 6.3", "HTTP/1.1 204 No Content\r\n\r\n", ok("", gone)],
  [
    "204 that announces a body",
    "RFC 9110 8.6",
    "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    ok("", { ...gone, reusable: false }),
  ],
  [
    "204 with a length of 0",
    "RFC 9110 8.6",
    "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    ok("", gone),
  ],
  [
    "304 with the length of what it stands for",
    "RFC 9110 8.6",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    ok("", same),
  ],
  [
    "304 with a body all the same",
    "RFC 9112 9.3",
    "HTTP/1.1 304 Not Modified\r\n\r\nhello",
    ok("", { ...same, reusable: false }),
  ],
  [
    "100 before the answer",
    "RFC 9110 15.2",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ok("hi"),
  ],
  [
    "103 with fields, twice",
    "RFC 9110 15.2",
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(2) +
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ok("hi"),
  ],
  ["100 and no answer", "RFC 9112 8", "HTTP/1.1 100 Continue\r\n\r\n", cut],
  [
    "a kept HTTP/1.0",
    "RFC 9112 9.3",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
    ok("hi"),
  ],
  [
    "chunked on HTTP/1.0",
    "RFC 9112 6.1",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    badCoding,
  ],
  [
    "a status line that is too long",
    "RFC 9112 4",
    `HTTP/1.1 200 ${"a".repeat(70_000)}`,
    refused("ERR_HTTP_STATUS_LINE_TOO_LONG"),
  ],
]);

/** Each must come out as it says, however the bytes are cut. */
export const responses: readonly ResponseCase[] = [
  ...statusLines,
  ...headers,
  ...chunked,
  ...bodiless,
];
