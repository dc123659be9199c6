import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  deriveRequest,
  framedLength,
  hasBody,
  LimitedBody,
  PassedBody,
} from "../../../http/web/derived_request.ts";
import { BodyTooLargeError } from "../../../http/errors.ts";
import type { IncomingBody } from "../../../http/incoming.ts";
import { IncomingRequest } from "../../../http/web/incoming_request.ts";
import { encode } from "../../support/conn_helpers.ts";

/** A body that comes in piece by piece, and tells how it was read. */
class FakeBody implements IncomingBody {
  readonly calls: string[] = [];
  readonly length: number | undefined;
  readonly #chunks: string[];

  constructor(chunks: string[], length?: number) {
    this.#chunks = chunks;
    this.length = length;
  }

  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.calls.push("read");
    const chunk = this.#chunks.shift();
    return Promise.resolve(chunk === undefined ? null : encode(chunk) as Uint8Array<ArrayBuffer>);
  }

  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    this.calls.push("readAll");
    return Promise.resolve(encode(this.#chunks.splice(0).join("")) as Uint8Array<ArrayBuffer>);
  }

  cancel(reason?: unknown): void {
    this.calls.push(`cancel ${reason}`);
  }
}

function incoming(body: IncomingBody | null, method = "POST"): IncomingRequest {
  const { signal } = new AbortController();
  return new IncomingRequest({
    method,
    url: () => "http://x/a",
    fields: ["X-A", "1", "Host", "x"],
    body,
    signal: () => signal,
  });
}

/** The same bytes as a request of the runtime, whose chunks are its maker's. */
function streamed(...chunks: Uint8Array<ArrayBuffer>[]): Request {
  return new Request("http://x/a", { method: "POST", body: ReadableStream.from(chunks) });
}

Deno.test("deriveRequest() keeps all but the changes", async () => {
  const first = incoming(new FakeBody(["a", "b"]));
  const second = deriveRequest(first, { url: "http://x/b?c" });
  assert(second instanceof Request);
  assertEquals([second.method, second.url], ["POST", "http://x/b?c"]);
  assertEquals([...second.headers], [["host", "x"], ["x-a", "1"]]);
  assertStrictEquals(second.signal, first.signal);
  assertEquals(await second.text(), "ab");
});

Deno.test("deriveRequest() takes a request of the runtime as well", async () => {
  const controller = new AbortController();
  const first = new Request("http://x/a", {
    method: "PUT",
    body: "hello",
    headers: { "x-a": "1" },
    signal: controller.signal,
  });
  const second = deriveRequest(first, {});
  assertEquals([second.method, second.url, second.headers.get("x-a")], ["PUT", first.url, "1"]);
  assertEquals(await second.text(), "hello");
  controller.abort("gone");
  assertEquals(second.signal.reason, "gone");
});

Deno.test("deriveRequest() has no body where there is none, and one with GET where there is", async () => {
  assertEquals(deriveRequest(incoming(null), {}).body, null);
  assertEquals(deriveRequest(new Request("http://x/"), {}).body, null);
  assertEquals(await deriveRequest(incoming(new FakeBody(["q"]), "GET"), {}).text(), "q");
});

Deno.test("deriveRequest() asks for a signal only when somebody wants it", () => {
  let asked = 0;
  const { signal } = new AbortController();
  const request = deriveRequest(incoming(null), { signal: () => (asked++, signal) });
  assertEquals(asked, 0);
  assertStrictEquals(request.signal, signal);
  assertStrictEquals(request.signal, signal);
  assertEquals(asked, 1);
});

Deno.test("hasBody() does not make a stream of an incoming body", async () => {
  const body = new FakeBody(["a"]);
  const request = incoming(body);
  assertEquals([hasBody(request), hasBody(incoming(null))], [true, false]);
  assertEquals([hasBody(streamed()), hasBody(new Request("http://x/"))], [true, false]);
  await request.text();
  assertEquals(body.calls, ["readAll"]);
});

Deno.test("framedLength() believes the connection, not a field", () => {
  assertEquals(framedLength(incoming(new FakeBody([], 5))), 5);
  assertEquals(framedLength(incoming(new FakeBody([]))), undefined);
  const init = { method: "POST", body: "abc", headers: { "content-length": "3" } };
  assertEquals(framedLength(new Request("http://x/", init)), undefined);
});

Deno.test("PassedBody reads all at once where it can, and piece by piece", async () => {
  const body = new FakeBody(["ab", "c"], 3);
  const passed = new PassedBody(incoming(body));
  assertEquals(passed.length, 3);
  assertEquals(await passed.readAll(), encode("abc"));
  assertEquals(body.calls, ["readAll"]);

  const pieces = new PassedBody(incoming(new FakeBody(["ab", "c"])));
  assertEquals(await pieces.read(), encode("ab"));
  assertEquals(await pieces.read(), encode("c"));
  assertEquals([await pieces.read(), await pieces.read()], [null, null]);
});

Deno.test("PassedBody leaves a stream's maker its arrays, and skips empty ones", async () => {
  const chunk = new Uint8Array([1, 2]);
  const request = deriveRequest(streamed(chunk, new Uint8Array(0), chunk), {});
  const read = [];
  for await (const each of request.body!) read.push(...each);
  assertEquals(read, [1, 2, 1, 2]);
  assertEquals(chunk, new Uint8Array([1, 2]));
});

Deno.test("PassedBody cancels the first body, before and while it is read", async () => {
  for (const begun of [false, true]) {
    const body = new FakeBody(["a", "b"]);
    const passed = new PassedBody(incoming(body));
    if (begun) await passed.read();
    passed.cancel("enough");
    assertEquals(body.calls.at(-1), "cancel enough");
  }
});

Deno.test("PassedBody does not take a body that was read for an empty one", async () => {
  const request = incoming(new FakeBody(["a"]));
  await request.text();
  await assertRejects(() => new PassedBody(request).read(), TypeError, "read before");
  await assertRejects(() => new PassedBody(request).readAll(), TypeError);
});

Deno.test("LimitedBody lets a body pass up to the last byte", async () => {
  assertEquals(await new LimitedBody(incoming(new FakeBody(["abc"])), 3).readAll(), encode("abc"));
  const pieces = new LimitedBody(incoming(new FakeBody(["ab", "c"])), 3);
  assertEquals(await pieces.readAll(), encode("abc"));
  assertEquals(await new LimitedBody(incoming(new FakeBody([])), 0).readAll(), encode(""));
});

Deno.test("LimitedBody fails behind its limit, again and again, and cancels the rest", async () => {
  const body = new FakeBody(["ab", "cd", "ef"]);
  const limited = new LimitedBody(incoming(body), 3);
  assertEquals(await limited.read(), encode("ab"));
  const error = await assertRejects(() => limited.read(), BodyTooLargeError);
  assertEquals(error.limit, 3);
  assertEquals(body.calls.filter((call) => call === "read").length, 2);
  assert(body.calls.at(-1)!.startsWith("cancel BodyTooLargeError"));
  assertStrictEquals(await limited.read().catch((again) => again), error);
  assertStrictEquals(await limited.readAll().catch((again) => again), error);
});

Deno.test("LimitedBody does not collect what is too long", async () => {
  const body = new FakeBody(Array(1_000).fill("0123456789"));
  await assertRejects(() => new LimitedBody(incoming(body), 25).readAll(), BodyTooLargeError);
  assertEquals(body.calls.filter((call) => call === "read").length, 3);
});
