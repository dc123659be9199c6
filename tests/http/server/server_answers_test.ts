import { assertEquals } from "@std/assert";
import { departure, plainAnswer, refusal } from "../../../http/server/server_answers.ts";

Deno.test("a refusal has a status, a code and a reason", () => {
  const { status, code, message } = refusal(417, "unknown expectation");
  assertEquals([status, code, message], [417, "ERR_HTTP_417", "unknown expectation"]);
});

Deno.test("a plain answer is a line of text", () => {
  assertEquals(plainAnswer(500).body, "500 Internal Server Error\n");
  const { status, fields, body } = plainAnswer(400, "bare LF");
  assertEquals([status, body], [400, "400 Bad Request: bare LF\n"]);
  assertEquals(fields, ["content-type", "text/plain; charset=utf-8"]);
});

Deno.test("a departure is an AbortError that says how it was noticed", () => {
  const cause = new Error("connection reset");
  const { name, message, cause: known } = departure(cause) as DOMException & { cause: unknown };
  assertEquals([name, message, known], ["AbortError", "the client has gone away", cause]);
});
