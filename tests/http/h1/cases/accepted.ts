/** Raw requests that every server must understand, and how. */

/** What a request must be understood as. */
export interface AcceptedRequest {
  readonly method: string;
  readonly target: string;
  /** `undefined` only on HTTP/1.0. */
  readonly host: string | undefined;
  /** Flat: name, value, name, value. */
  readonly fields: readonly string[];
  /** The body, each byte a character. */
  readonly body: string;
  /** Flat, as `fields`. */
  readonly trailers: readonly string[];
  readonly keepAlive: boolean;
}

/** Bytes of a connection, and the requests in them. */
export interface AcceptedCase {
  /** What is special, unique in the table. */
  readonly name: string;
  /** The rule that says so. */
  readonly rfc: string;
  /** The bytes, each character one. */
  readonly bytes: string;
  /** The requests, in order; behind the last the connection is idle or to be closed. */
  readonly requests: readonly AcceptedRequest[];
}

const plain: AcceptedRequest = {
  method: "GET",
  target: "/",
  host: "a",
  fields: ["Host", "a"],
  body: "",
  trailers: [],
  keepAlive: true,
};

type Row = readonly [
  name: string,
  rfc: string,
  bytes: string,
  ...requests: readonly Partial<AcceptedRequest>[],
];

function rows(make: (part: string) => string, list: readonly Row[]): AcceptedCase[] {
  return list.map(([name, rfc, bytes, ...requests]) => ({
    name,
    rfc,
    bytes: make(bytes),
    requests: requests.map((request) => ({ ...plain, ...request })),
  }));
}

const line = rows((requestLine) => `${requestLine}\r\nHost: a\r\n\r\n`, [
  ["the simplest", "RFC 9112 3", "GET / HTTP/1.1", {}],
  ["HEAD", "RFC 9110 9.3.2", "HEAD / HTTP/1.1", { method: "HEAD" }],
  ["POST without a body", "RFC 9112 6.3", "POST / HTTP/1.1", { method: "POST" }],
  ["DELETE", "RFC 9110 9.3.5", "DELETE /x HTTP/1.1", { method: "DELETE", target: "/x" }],
  ["a method of seven letters", "RFC 9110 9.1", "REPLACE / HTTP/1.1", { method: "REPLACE" }],
  ["a method nobody knows", "RFC 9110 9.1", "M-SEARCH / HTTP/1.1", { method: "M-SEARCH" }],
  ["a method in lower case is another one", "RFC 9110 9.1", "get / HTTP/1.1", { method: "get" }],
  [
    "a method of all the marks of a token",
    "RFC 9110 5.6.2",
    "!#$%&'*+-.^_`|~0 / HTTP/1.1",
    { method: "!#$%&'*+-.^_`|~0" },
  ],
  ["a path and a query", "RFC 9112 3.2.1", "GET /a/b?c=d&e HTTP/1.1", { target: "/a/b?c=d&e" }],
  ["two slashes", "RFC 9112 3.2.1", "GET //a/b HTTP/1.1", { target: "//a/b" }],
  ["dots stay", "RFC 9112 3.2.1", "GET /a/../b/./c HTTP/1.1", { target: "/a/../b/./c" }],
  ["escapes stay", "RFC 9112 3.2.1", "GET /%2f%00%C3%A9 HTTP/1.1", { target: "/%2f%00%C3%A9" }],
  ["a URL in a query", "RFC 9112 3.2.1", "GET /?u=http://b/ HTTP/1.1", { target: "/?u=http://b/" }],
  [
    "marks that browsers send raw",
    "RFC 9112 3.2",
    'GET /?"<>[]{}|\\^` HTTP/1.1',
    { target: '/?"<>[]{}|\\^`' },
  ],
  [
    "a long target",
    "RFC 9112 3",
    `GET /${"a".repeat(8000)} HTTP/1.1`,
    { target: `/${"a".repeat(8000)}` },
  ],
  ["OPTIONS of the server", "RFC 9112 3.2.4", "OPTIONS * HTTP/1.1", {
    method: "OPTIONS",
    target: "*",
  }],
  ["OPTIONS of a path", "RFC 9112 3.2.1", "OPTIONS /x HTTP/1.1", {
    method: "OPTIONS",
    target: "/x",
  }],
  [
    "a URL's authority replaces Host",
    "RFC 9112 3.2.2",
    "GET http://b:8080/x?y HTTP/1.1",
    { target: "http://b:8080/x?y", host: "b:8080" },
  ],
  ["a URL without a path", "RFC 9112 3.2.2", "GET http://b HTTP/1.1", {
    target: "http://b",
    host: "b",
  }],
  [
    "a URL with a query and no path",
    "RFC 9112 3.2.2",
    "GET http://b?c HTTP/1.1",
    { target: "http://b?c", host: "b" },
  ],
  ["an https URL", "RFC 9112 3.2.2", "GET https://b/ HTTP/1.1", {
    target: "https://b/",
    host: "b",
  }],
  ["a scheme in capitals", "RFC 3986 3.1", "GET HTTP://b/ HTTP/1.1", {
    target: "HTTP://b/",
    host: "b",
  }],
  [
    "a URL of an IPv6 address",
    "RFC 9112 3.2.2",
    "GET http://[::1]:80/ HTTP/1.1",
    { target: "http://[::1]:80/", host: "[::1]:80" },
  ],
  [
    "CONNECT",
    "RFC 9112 3.2.3",
    "CONNECT b:443 HTTP/1.1",
    { method: "CONNECT", target: "b:443", host: "b:443" },
  ],
  [
    "CONNECT to an IPv6 address",
    "RFC 9112 3.2.3",
    "CONNECT [::1]:443 HTTP/1.1",
    { method: "CONNECT", target: "[::1]:443", host: "[::1]:443" },
  ],
  ["HTTP/1.2 is served as 1.1", "RFC 9110 2.5", "GET / HTTP/1.2", {}],
  ["HTTP/1.9 is served as 1.1", "RFC 9110 2.5", "GET / HTTP/1.9", {}],
  ["HTTP/1.0 closes", "RFC 9112 9.3", "GET / HTTP/1.0", { keepAlive: false }],
]);

const whole = rows((bytes) => bytes, [
  ["an empty line first", "RFC 9112 2.2", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", {}],
  [
    "HTTP/1.0 without a Host",
    "RFC 9112 3.2",
    "GET / HTTP/1.0\r\n\r\n",
    { host: undefined, fields: [], keepAlive: false },
  ],
  [
    "HTTP/1.0 with a URL and no Host",
    "RFC 9112 3.2.2",
    "GET http://b/ HTTP/1.0\r\n\r\n",
    { target: "http://b/", host: "b", fields: [], keepAlive: false },
  ],
  [
    "Host in other letters",
    "RFC 9110 5.1",
    "GET / HTTP/1.1\r\nhOST:a\r\n\r\n",
    { fields: ["hOST", "a"] },
  ],
  [
    "Host behind others",
    "RFC 9110 5.3",
    "GET / HTTP/1.1\r\nHoss: x\r\nHost: a\r\n\r\n",
    { fields: ["Hoss", "x", "Host", "a"] },
  ],
]);

const host = rows((value) => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`, [
  ["an empty Host", "RFC 9112 3.2", "", { host: "", fields: ["Host", ""] }],
  ...[
    "a.example:8080",
    "a.example:",
    "A.Example",
    "127.0.0.1:80",
    "[::1]",
    "[2001:db8::7]:8080",
    "a_b-c.example",
    "a.example.",
    "xn--bcher-kva.example",
  ].map((value): Row => [
    `Host ${value}`,
    "RFC 3986 3.2.2",
    value,
    { host: value, fields: ["Host", value] },
  ]),
]);

/** With one header line more. */
function header(
  name: string,
  rfc: string,
  lineOf: string,
  fields: readonly string[],
  keepAlive = true,
): AcceptedCase {
  return {
    name,
    rfc,
    bytes: `GET / HTTP/1.1\r\nHost: a\r\n${lineOf}\r\n\r\n`,
    requests: [{ ...plain, fields: ["Host", "a", ...fields], keepAlive }],
  };
}

const headers = [
  header("no blank behind the colon", "RFC 9112 5", "X:1", ["X", "1"]),
  header("blanks around a value", "RFC 9110 5.6.3", "X: \t 1 \t ", ["X", "1"]),
  header("blanks within a value", "RFC 9110 5.5", "X: 1 \t 2", ["X", "1 \t 2"]),
  header("an empty value", "RFC 9110 5.5", "X:", ["X", ""]),
  header("a value of blanks", "RFC 9110 5.5", "X: \t ", ["X", ""]),
  header("a value with colons", "RFC 9110 5.5", "X: a:b: c", ["X", "a:b: c"]),
  header("raw latin1 in a value", "RFC 9110 5.5", "X: \xe9\x80\xff", ["X", "\xe9\x80\xff"]),
  header("a no-break space is no blank", "RFC 9110 5.6.3", "X: \xa01\xa0", ["X", "\xa01\xa0"]),
  header("marks in a name", "RFC 9110 5.6.2", "!#$%&'*+-.^_`|~9: 1", ["!#$%&'*+-.^_`|~9", "1"]),
  header("a repeated field", "RFC 9110 5.3", "X: 1\r\nx: 2\r\nX: 1", [
    "X",
    "1",
    "x",
    "2",
    "X",
    "1",
  ]),
  header("names as sent", "RFC 9110 5.1", "x-ABC-d: 1", ["x-ABC-d", "1"]),
  header("a length of 0", "RFC 9110 8.6", "Content-Length: 0", ["Content-Length", "0"]),
  header("close", "RFC 9112 9.6", "Connection: close", ["Connection", "close"], false),
  header(
    "close in capitals",
    "RFC 9110 7.6.1",
    "Connection: CLOSE",
    ["Connection", "CLOSE"],
    false,
  ),
  header("close in a list", "RFC 9110 7.6.1", "Connection: x ,\tclose", [
    "Connection",
    "x ,\tclose",
  ], false),
  header("close in a second field", "RFC 9110 5.3", "Connection: x\r\nConnection: close", [
    "Connection",
    "x",
    "Connection",
    "close",
  ], false),
  header("close beats keep-alive", "RFC 9112 9.3", "Connection: keep-alive, close", [
    "Connection",
    "keep-alive, close",
  ], false),
  header("an option like close", "RFC 9110 7.6.1", "Connection: closed", ["Connection", "closed"]),
  header("a long value", "RFC 9110 5.4", `X: ${"v".repeat(9000)}`, ["X", "v".repeat(9000)]),
  {
    name: "499 headers and Host",
    rfc: "RFC 9110 5.4",
    bytes: `GET / HTTP/1.1\r\nHost: a\r\n${"X: 1\r\n".repeat(499)}\r\n`,
    requests: [{
      ...plain,
      fields: ["Host", "a", ...Array.from({ length: 499 }, () => ["X", "1"]).flat()],
    }],
  },
  {
    name: "a kept HTTP/1.0",
    rfc: "RFC 9112 9.3",
    bytes: "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n",
    requests: [{ ...plain, fields: ["Host", "a", "Connection", "Keep-Alive"] }],
  },
] satisfies AcceptedCase[];

/** A POST with a chunked body. */
function chunked(
  name: string,
  bytes: string,
  body: string,
  trailers: readonly string[] = [],
): AcceptedCase {
  return {
    name,
    rfc: "RFC 9112 7.1",
    bytes: `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${bytes}`,
    requests: [{
      ...plain,
      method: "POST",
      fields: ["Host", "a", "Transfer-Encoding", "chunked"],
      body,
      trailers,
    }],
  };
}

const bodies = [
  {
    name: "a body with a length",
    rfc: "RFC 9112 6.2",
    bytes: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    requests: [{
      ...plain,
      method: "POST",
      fields: ["Host", "a", "Content-Length", "5"],
      body: "hello",
    }],
  },
  {
    name: "a length with leading zeros",
    rfc: "RFC 9110 8.6",
    bytes: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello",
    requests: [{
      ...plain,
      method: "POST",
      fields: ["Host", "a", "Content-Length", "005"],
      body: "hello",
    }],
  },
  {
    name: "a GET with a body",
    rfc: "RFC 9110 9.3.1",
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\r\n\r\n!",
    requests: [{ ...plain, fields: ["Host", "a", "Content-Length", "5"], body: "\r\n\r\n!" }],
  },
  {
    name: "chunked in capitals",
    rfc: "RFC 9112 7",
    bytes: "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    requests: [{
      ...plain,
      method: "POST",
      fields: ["Host", "a", "transfer-encoding", "CHUNKED"],
      body: "hi",
    }],
  },
  chunked("an empty chunked body", "0\r\n\r\n", ""),
  chunked("one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
  chunked("three chunks", "1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n", "hello"),
  chunked(
    "hexadecimal sizes in both cases",
    `a\r\n${"x".repeat(10)}\r\nA\r\n${"y".repeat(10)}\r\n0\r\n\r\n`,
    "x".repeat(10) + "y".repeat(10),
  ),
  chunked("a size with leading zeros", "005\r\nhello\r\n000\r\n\r\n", "hello"),
  chunked("a size of 16 digits", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"),
  chunked("data of CRLFs", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
  chunked("data like a last chunk", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
  chunked("extensions", '5;a=b;c;d="e f"\r\nhello\r\n0;last\r\n\r\n', "hello"),
  chunked("an extension behind a blank", "5; a=b\r\nhello\r\n0\r\n\r\n", "hello"),
  chunked(
    "ten thousand chunks of one byte",
    "1\r\nx\r\n".repeat(10_000) + "0\r\n\r\n",
    "x".repeat(10_000),
  ),
  chunked("one trailer", "5\r\nhello\r\n0\r\nX: 1\r\n\r\n", "hello", ["X", "1"]),
  chunked("trailers without data", "0\r\nX: 1\r\ny:\t2 \r\n\r\n", "", ["X", "1", "y", "2"]),
  chunked(
    "a digest as a trailer",
    '2\r\nhi\r\n0\r\nContent-Digest: x\r\nETag: "\xe9"\r\n\r\n',
    "hi",
    [
      "Content-Digest",
      "x",
      "ETag",
      '"\xe9"',
    ],
  ),
  chunked("a long trailer", `0\r\nX: ${"t".repeat(3000)}\r\n\r\n`, "", ["X", "t".repeat(3000)]),
] satisfies AcceptedCase[];

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const pipelined = rows((bytes) => bytes, [
  ["two equal requests", "RFC 9112 9.3.2", get + get, {}, {}],
  [
    "three with other lines and equal fields",
    "RFC 9112 9.3.2",
    get + "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n" + "GET http://c/ HTTP/1.1\r\nHost: a\r\n\r\n" + get,
    {},
    { method: "HEAD", target: "/b" },
    { target: "http://c/", host: "c" },
    {},
  ],
  [
    "equal fields on another version",
    "RFC 9112 9.3",
    get + "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    {},
    { keepAlive: false },
  ],
  ["an empty line between two", "RFC 9112 2.2", get + "\r\n" + get, {}, {}],
  [
    "a body, then another request",
    "RFC 9112 6.2",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get,
    { method: "POST", fields: ["Host", "a", "Content-Length", "3"], body: "abc" },
    {},
  ],
  [
    "a body like a request, then another",
    "RFC 9112 6.2",
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${get.length}\r\n\r\n${get}${get}`,
    {
      method: "POST",
      fields: ["Host", "a", "Content-Length", String(get.length)],
      body: get,
    },
    {},
  ],
  [
    "a chunked body with trailers, then another request",
    "RFC 9112 7.1.2",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: 1\r\n\r\n" +
    get,
    {
      method: "POST",
      fields: ["Host", "a", "Transfer-Encoding", "chunked"],
      body: "x",
      trailers: ["T", "1"],
    },
    {},
  ],
  [
    "what follows close is not served",
    "RFC 9112 9.6",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get,
    { fields: ["Host", "a", "Connection", "close"], keepAlive: false },
  ],
  [
    "another Host in each",
    "RFC 9112 3.2",
    get + "GET / HTTP/1.1\r\nHost: b\r\n\r\n" + get,
    {},
    { host: "b", fields: ["Host", "b"] },
    {},
  ],
]);

/** Each must be understood as it says, however the bytes are cut. */
export const accepted: readonly AcceptedCase[] = [
  ...line,
  ...whole,
  ...host,
  ...headers,
  ...bodies,
  ...pipelined,
];
