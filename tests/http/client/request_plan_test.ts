import { assertEquals, assertThrows } from "@std/assert";
import { chunkedBody } from "../../../http/h1/framing.ts";
import { type PlanOptions, planRequest } from "../../../http/client/request_plan.ts";

const way: PlanOptions = {
  target: "/path",
  host: "example.test",
  extra: [],
  compression: false,
  close: false,
};

const plan = (
  method: string,
  fields: string[] = [],
  length: number | "unknown" = 0,
  more: Partial<PlanOptions> = {},
) =>
  planRequest({ method, fields, length: length === "unknown" ? undefined : length }, {
    ...way,
    ...more,
  });

const lines = (head: string) => head.split("\r\n").slice(0, -2);

Deno.test("Host comes first, and User-Agent is plumb", () => {
  assertEquals(lines(plan("GET", ["X", "y"]).head), [
    "GET /path HTTP/1.1",
    "Host: example.test",
    "X: y",
    "User-Agent: plumb",
  ]);
});

Deno.test("Host, User-Agent and Connection can be set", () => {
  const fields = ["connection", "keep-alive", "host", "other.test", "User-Agent", "mine"];
  assertEquals(lines(plan("GET", fields).head), [
    "GET /path HTTP/1.1",
    "Host: other.test",
    "connection: keep-alive",
    "User-Agent: mine",
  ]);
});

Deno.test("an empty User-Agent is none", () => {
  assertEquals(plan("GET", ["user-agent", ""]).head.toLowerCase().includes("user-agent"), false);
});

Deno.test("the caller's fields keep their order and their names", () => {
  const fields = ["b", "1", "A", "2", "b", "3"];
  assertEquals(lines(plan("GET", fields).head).slice(2, 5), ["b: 1", "A: 2", "b: 3"]);
});

Deno.test("gzip is asked for where the caller says nothing of it", () => {
  const compression = true;
  const rows: [method: string, fields: string[], asks: boolean][] = [
    ["GET", [], true],
    ["POST", [], true],
    ["HEAD", [], false],
    ["GET", ["Accept-Encoding", "identity"], false],
    ["GET", ["accept-encoding", ""], false],
    ["GET", ["Range", "bytes=0-1"], false],
  ];
  for (const [method, fields, asks] of rows) {
    const { asksGzip, head } = plan(method, fields, 0, { compression });
    assertEquals([asksGzip, head.includes("Accept-Encoding: gzip\r\n")], [asks, asks]);
  }
  assertEquals(plan("GET").asksGzip, false);
});

Deno.test("the body's length is announced, or chunks are", () => {
  const rows: [string, string[], number | "unknown", string | undefined, number][] = [
    ["GET", [], 0, undefined, 0],
    ["HEAD", [], 0, undefined, 0],
    ["DELETE", [], 0, undefined, 0],
    ["POST", [], 0, "Content-Length: 0", 0],
    ["PUT", [], 0, "Content-Length: 0", 0],
    ["PATCH", [], 0, "Content-Length: 0", 0],
    ["GET", ["content-length", "0"], 0, "Content-Length: 0", 0],
    ["POST", [], 5, "Content-Length: 5", 5],
    ["POST", ["Content-Length", "5"], 5, "Content-Length: 5", 5],
    ["POST", [], "unknown", "Transfer-Encoding: chunked", chunkedBody],
    ["GET", [], "unknown", "Transfer-Encoding: chunked", chunkedBody],
    ["POST", ["Content-Length", "7"], "unknown", "Content-Length: 7", 7],
    ["POST", ["transfer-encoding", "Chunked"], 5, "Transfer-Encoding: chunked", chunkedBody],
    ["POST", ["transfer-encoding", "chunked"], 0, "Content-Length: 0", 0],
  ];
  for (const [method, fields, length, line, bodyLength] of rows) {
    const made = plan(method, fields, length);
    const framing = lines(made.head).filter((text) => /^(content-len|transfer)/i.test(text));
    assertEquals(framing, line === undefined ? [] : [line], `${method} ${fields} ${length}`);
    assertEquals(made.bodyLength, bodyLength);
  }
});

Deno.test("what cannot be sent is refused, by name", () => {
  const rows: [method: string, fields: string[], length: number | "unknown"][] = [
    ["", [], 0],
    ["GET /", [], 0],
    ["CONNECT", [], 0],
    ["GET", ["bad name", "x"], 0],
    ["GET", ["", "x"], 0],
    ["GET", ["X", "a\r\nInjected: 1"], 0],
    ["GET", ["X", "a\nb"], 0],
    ["GET", ["X", "a\0b"], 0],
    ["GET", ["X", "\u20ac"], 0],
    ["GET", ["X\r\nY", "a"], 0],
    ["POST", ["Content-Length", "4"], 5],
    ["POST", ["Content-Length", "5, 5"], 5],
    ["POST", ["Content-Length", "-1"], "unknown"],
    ["POST", ["Content-Length", "1e3"], "unknown"],
    ["POST", ["Content-Length", "9007199254740992"], "unknown"],
    ["GET", ["Content-Length", "5"], 0],
    ["POST", ["Transfer-Encoding", "gzip"], 5],
    ["POST", ["Transfer-Encoding", "chunked", "Content-Length", "5"], 5],
  ];
  for (const [method, fields, length] of rows) {
    assertThrows(() => plan(method, fields, length), TypeError);
  }
});

Deno.test("the connection is kept unless one of the two says close", () => {
  const rows: [fields: string[], close: boolean, keepAlive: boolean, line: boolean][] = [
    [[], false, true, false],
    [[], true, false, true],
    [["connection", "close"], false, false, true],
    [["connection", "close"], true, false, true],
    [["connection", "x , CLOSE"], false, false, false],
    [["connection", "closed"], false, true, false],
  ];
  for (const [fields, close, keepAlive, line] of rows) {
    const made = plan("GET", fields, 0, { close });
    const said = made.head.toLowerCase().split("connection: close\r\n").length - 1;
    assertEquals([made.keepAlive, said], [keepAlive, line ? 1 : 0], fields.join());
  }
});

Deno.test("the fields of a proxy give way to the caller's", () => {
  const extra = ["proxy-authorization", "Basic x"];
  const has = (head: string, value: string) => head.includes(`authorization: ${value}\r\n`);
  assertEquals(has(plan("GET", [], 0, { extra }).head, "Basic x"), true);
  const own = plan("GET", ["proxy-authorization", "mine"], 0, { extra }).head;
  assertEquals([has(own, "mine"), has(own, "Basic x")], [true, false]);
});

Deno.test("what a request is good for is seen in its fields", () => {
  const facts = (method: string, fields: string[] = [], length: number = 0) => {
    const { repeatable, expectsContinue, upgrades } = plan(method, fields, length);
    return [repeatable, expectsContinue, upgrades];
  };
  for (const method of ["GET", "HEAD", "OPTIONS", "TRACE"]) assertEquals(facts(method)[0], true);
  for (const method of ["POST", "PUT", "DELETE", "get"]) assertEquals(facts(method)[0], false);
  assertEquals(facts("POST", ["Idempotency-Key", "1"])[0], true);
  assertEquals(facts("POST", ["Expect", "100-Continue"], 5)[1], true);
  assertEquals(facts("POST", ["Expect", "100-continue"], 0)[1], false);
  assertEquals(facts("POST", ["Expect", "else"], 5)[1], false);
  assertEquals(facts("GET", ["Connection", "keep-alive, Upgrade"])[2], true);
});
