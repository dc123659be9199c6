import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type AnswerState,
  checkTrailers,
  Exchange,
  type ExchangeHost,
  fieldsOfInit,
  Info,
} from "../../../http/server/exchange.ts";
import type { RequestHead } from "../../../http/h1/head.ts";
import { Input } from "../../../http/server/input.ts";
import { ServerBody } from "../../../http/server/server_body.ts";
import { type Conn, pipe } from "../../../net/mod.ts";
import { outcome, settle } from "../../support/fake_clock.ts";

const plain: RequestHead = {
  method: "GET",
  target: "/",
  minor: 1,
  fields: [],
  host: "a",
  bodyLength: 0,
  keepAlive: true,
  expect: undefined,
  upgrade: undefined,
};

/** A connection that notes what it is asked for. */
class Host implements ExchangeHost {
  readonly asked: unknown[] = [];
  readonly conn: Conn;
  readonly scheme: "http" | "https";

  constructor(conn: Partial<Conn> = {}, scheme: "http" | "https" = "http") {
    this.conn = Object.assign(pipe()[0], conn);
    this.scheme = scheme;
  }

  watch(): void {
    this.asked.push("watch");
  }

  inform(status: number, fields: readonly string[]): Promise<void> {
    this.asked.push(["inform", status, ...fields]);
    return Promise.resolve();
  }

  hijack() {
    this.asked.push("hijack");
    return { conn: this.conn, buffered: new Uint8Array(0) };
  }

  setReadDeadline(deadline: Date | number | null): void {
    this.asked.push(["readDeadline", deadline]);
  }

  setWriteDeadline(deadline: Date | number | null): void {
    this.asked.push(["writeDeadline", deadline]);
  }
}

function setUp(head: Partial<RequestHead> = {}, body: ServerBody | null = null) {
  const host = new Host();
  const exchange = new Exchange(host, { ...plain, ...head }, body);
  return { host, exchange, info: new Info(exchange) };
}

/** A body that has not been read. */
function someBody(): ServerBody {
  const host = { onBodyStart() {}, onBodyEnd() {}, onBodyError() {} };
  return new ServerBody(new Input(64), { read: () => Promise.resolve(null) }, 5, 0, host);
}

Deno.test("the URL of a request is its target, on the host that it names", () => {
  const local = { transport: "tcp", hostname: "::1", port: 80, network: "tcp" } as const;
  const address = { ...local, toString: () => "[::1]:80" };
  const cases: [Partial<RequestHead>, string, Partial<Conn>?, "https"?][] = [
    [{ target: "/x?y", host: "a:81" }, "http://a:81/x?y"],
    [{ target: "/", host: "a" }, "https://a/", {}, "https"],
    [{ target: "//b/c", host: "a" }, "http://a//b/c"],
    [{ target: "http://b/c", host: "b" }, "http://b/c", {}, "https"],
    [{ method: "CONNECT", target: "b:443", host: "b:443" }, "http://b:443/"],
    [{ target: "/x", host: undefined }, "http://localhost/x"],
    [{ target: "/x", host: "" }, "http://localhost/x"],
    [{ target: "/x", host: undefined }, "http://[::1]:80/x", { localAddr: address }],
  ];
  for (const [head, url, conn, scheme] of cases) {
    const exchange = new Exchange(new Host(conn, scheme), { ...plain, ...head }, null);
    assertEquals(exchange.url(), url);
  }
});

Deno.test("the URL of a request has a path, even where its target has none", () => {
  const urls = [
    ["http://b", "http://b/"],
    ["http://b:8080?q", "http://b:8080/?q"],
    ["HTTP://b/?q", "HTTP://b/?q"],
    ["http://b/c?d=http://e", "http://b/c?d=http://e"],
  ];
  for (const [target, url] of urls) assertEquals(setUp({ target }).exchange.url(), url);
});

Deno.test("an exchange shows the request's parts", () => {
  const body = someBody();
  const { exchange } = setUp({ method: "PUT", fields: ["X", "1"] }, body);
  assertEquals([exchange.method, exchange.fields], ["PUT", ["X", "1"]]);
  assertStrictEquals(exchange.body, body);
});

Deno.test("the signal looks out for the client once somebody wants it, and as long as it matters", () => {
  const watches: [AnswerState, unknown[]][] = [
    ["waiting", ["watch"]],
    ["begun", ["watch"]],
    ["written", []],
    ["failed", []],
    ["hijacked", []],
  ];
  for (const [state, asked] of watches) {
    const { exchange, host } = setUp();
    exchange.state = state;
    assertEquals(exchange.watched, false);
    const signal = exchange.signal();
    assertEquals([exchange.watched, signal.aborted, host.asked], [true, false, asked]);
    assertStrictEquals(exchange.signal(), signal);
    assertEquals(host.asked, asked);
  }
});

Deno.test("the signal aborts with the first reason, asked for before or after", () => {
  const reason = new Error("gone");
  for (const before of [true, false]) {
    const { exchange, host } = setUp();
    if (before) exchange.signal();
    exchange.abort(reason);
    exchange.abort(new Error("again"));
    assertStrictEquals(exchange.signal().reason, reason);
    assertEquals(host.asked, before ? ["watch"] : []);
  }
});

Deno.test("completed tells how the answer ended, asked for before or after", async () => {
  const error = new Error("cut");
  for (const before of [true, false]) {
    const written = setUp().exchange;
    if (before) written.completed;
    written.complete();
    written.fail(error);
    await written.completed;
    assertEquals(written.state, "written");

    const failed = setUp().exchange;
    if (before) failed.completed;
    failed.fail(error);
    failed.fail(new Error("again"));
    assertStrictEquals(await failed.completed.catch((reason) => reason), error);
    assertEquals(failed.state, "failed");
  }
});

Deno.test("completed is one promise, and waits while nothing has ended", async () => {
  const { exchange, info } = setUp();
  const seen = outcome(info.completed);
  assertStrictEquals(info.completed, exchange.completed);
  exchange.state = "begun";
  await settle();
  assertEquals(seen, {});
  exchange.complete();
  await settle();
  assertEquals(seen, { value: undefined });
});

Deno.test("an outcome that nobody waits for is no unhandled rejection", async () => {
  const { exchange } = setUp({}, someBody());
  exchange.completed;
  exchange.trailers;
  exchange.fail(new Error("cut"));
  exchange.bodyFailed(new Error("cut"));
  await settle();
});

Deno.test("fail() ends the response's body once", () => {
  const { exchange } = setUp();
  const reasons: unknown[] = [];
  exchange.cancel = (reason) => reasons.push(reason);
  const error = new Error("cut");
  exchange.fail(error);
  exchange.fail(error);
  assertEquals([reasons, exchange.cancel], [[error], undefined]);
});

Deno.test("trailers are there when the body has ended, asked for before or after", async () => {
  for (const before of [true, false]) {
    const { exchange } = setUp({}, someBody());
    const seen = before ? outcome(exchange.trailers) : {};
    await settle();
    assertEquals(seen, {});
    exchange.bodyEnded(["X", "1", "x", "2"]);
    assertEquals([...await exchange.trailers], [["x", "1, 2"]]);
    assertStrictEquals(await exchange.trailers, await exchange.trailers);
  }
});

Deno.test("trailers are empty at once where there is no body", async () => {
  assertEquals([...await setUp().exchange.trailers], []);
});

Deno.test("trailers reject with what the body failed with, asked for before or after", async () => {
  for (const before of [true, false]) {
    const { exchange } = setUp({}, someBody());
    if (before) exchange.trailers;
    exchange.bodyFailed(new Error("cut"));
    await assertRejects(() => exchange.trailers, Error, "cut");
  }
});

Deno.test("info tells what the request does not", () => {
  const { host, info } = setUp();
  assertStrictEquals(info.remoteAddr, host.conn.remoteAddr);
  assertStrictEquals(info.localAddr, host.conn.localAddr);
  assertEquals([info.tls, info.proto, info.pattern, info.params], [null, "HTTP/1.1", "", {}]);
  assertEquals(setUp({ minor: 0 }).info.proto, "HTTP/1.0");
  const connectionState = { version: "TLSv1.3" };
  const tls = new Host({ connectionState } as unknown as Partial<Conn>);
  assertEquals(new Info(new Exchange(tls, plain, null)).tls as unknown, connectionState);
});

Deno.test("info sets the deadlines of reading and of writing", () => {
  const { host, info } = setUp({}, someBody());
  info.setReadDeadline(1);
  info.setWriteDeadline(null);
  assertEquals(host.asked, [["readDeadline", 1], ["writeDeadline", null]]);
});

Deno.test("a deadline does not hit what is behind the exchange", () => {
  const { host, info } = setUp();
  info.setReadDeadline(1); // there is no body
  for (const state of ["written", "failed", "hijacked"] as const) {
    const { exchange, host, info } = setUp({}, someBody());
    exchange.state = state;
    info.setReadDeadline(1);
    info.setWriteDeadline(1);
    assertEquals(host.asked, []);
  }
  assertEquals(host.asked, []);
});

Deno.test("an informational response has 100 to 199, not 101, and goes to HTTP/1.1", async () => {
  const { host, info } = setUp();
  for (const status of [99, 101, 200, 103.5, NaN]) {
    await assertRejects(() => info.sendInformational(status), RangeError, String(status));
  }
  await info.sendInformational(100);
  await info.sendInformational(199, { "X-A": "1" });
  assertEquals(host.asked, [["inform", 100], ["inform", 199, "x-a", "1"]]);
  const old = setUp({ minor: 0 });
  await old.info.sendInformational(103);
  assertEquals(old.host.asked, []);
});

Deno.test("what can be done only before the answer says what has happened", async () => {
  const whys: [AnswerState, RegExp][] = [
    ["begun", /: the answer has begun$/],
    ["written", /: the answer is written$/],
    ["failed", /: the connection is gone$/],
    ["hijacked", /: the connection was hijacked$/],
  ];
  for (const [state, why] of whys) {
    const { exchange, host, info } = setUp();
    exchange.state = state;
    const says = (error: Error, what: RegExp) => {
      assertMatch(error.message, what);
      assertMatch(error.message, why);
    };
    says(assertThrows(() => info.hijack(), TypeError), /^cannot hijack/);
    says(assertThrows(() => info.setTrailers({}), TypeError), /^cannot set trailers/);
    says(await assertRejects(() => info.sendInformational(103), TypeError), /^cannot send an inf/);
    assertEquals(host.asked, []);
  }
});

Deno.test("hijack() gives what the connection gives", () => {
  const { host, info } = setUp();
  assertStrictEquals(info.hijack().conn, host.conn);
  assertEquals(host.asked, ["hijack"]);
});

Deno.test("trailers to send are fields that may be some, or what makes them", () => {
  const { exchange, info } = setUp();
  info.setTrailers({ "X-Sum": "1" });
  assertEquals(exchange.trailerSource, ["x-sum", "1"]);
  const make = () => ({});
  info.setTrailers(make);
  assertStrictEquals(exchange.trailerSource, make);
  for (const name of ["content-length", "transfer-encoding", "host", "authorization", "trailer"]) {
    assertThrows(() => info.setTrailers({ [name]: "1" }), TypeError, name);
  }
  assertStrictEquals(exchange.trailerSource, make);
});

Deno.test("checkTrailers() looks at every field", () => {
  const fields = ["x-a", "1", "x-b", "2"];
  assertStrictEquals(checkTrailers(fields), fields);
  assertThrows(() => checkTrailers([...fields, "Connection", "x"]), TypeError, '"Connection"');
});

Deno.test("fieldsOfInit() takes what the web takes, and nothing that breaks a line", () => {
  assertEquals(fieldsOfInit(undefined), []);
  assertEquals(fieldsOfInit({ "X-A": " 1 " }), ["x-a", "1"]);
  assertEquals(fieldsOfInit([["a", "1"], ["A", "2"]]), ["a", "1, 2"]);
  assertEquals(fieldsOfInit(new Headers([["set-cookie", "a"], ["set-cookie", "b"]])), [
    "set-cookie",
    "a",
    "set-cookie",
    "b",
  ]);
  for (const value of ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\x01b", "\u0100"]) {
    assertThrows(() => fieldsOfInit({ a: value }), TypeError);
  }
  assertThrows(() => fieldsOfInit({ "a b": "1" }), TypeError);
  assert(fieldsOfInit({ a: "\u00e9\t" }).length === 2);
});
