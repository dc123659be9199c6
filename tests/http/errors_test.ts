import { assert, assertEquals } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import {
  BodyTooLargeError,
  errServerClosed,
  HttpError,
  type HttpErrorInit,
  maskPassword,
  ProtocolError,
} from "../../http/errors.ts";

const init: HttpErrorInit = {
  op: "GET",
  url: "http://user:secret@host/path",
  phase: "connect",
  reason: "connection refused",
  code: "ECONNREFUSED",
};

Deno.test("an HttpError says what was tried, where and why, without the password", () => {
  const cause = new Error("below");
  const error = new HttpError({ ...init, cause });
  assertEquals(error.message, 'GET "http://user:***@host/path": connection refused');
  const { name, op, url, phase, code, timeout } = error;
  assertEquals([name, op, url, phase], [
    "HttpError",
    "GET",
    "http://user:***@host/path",
    "connect",
  ]);
  assertEquals([code, timeout, error.cause], ["ECONNREFUSED", false, cause]);
});

Deno.test("an HttpError of a limit of time is a timeout", () => {
  assert(isTimeout(new HttpError({ ...init, timeout: true })));
  assert(!isTimeout(new HttpError(init)));
});

Deno.test("maskPassword() hides a password and nothing else", () => {
  const cases = [
    ["http://host/", "http://host/"],
    ["http://user@host/", "http://user@host/"],
    ["http://host/@a:b@c", "http://host/@a:b@c"],
    ["https://:pass@host/", "https://:***@host/"],
    ["http://u:p%40q@host:81/a?b#c", "http://u:***@host:81/a?b#c"],
    ["not a url with @", "not a url with @"],
  ];
  for (const [url, masked] of cases) assertEquals(maskPassword(url), masked);
});

Deno.test("a ProtocolError is a 400 unless it says otherwise", () => {
  assertEquals(new ProtocolError("no", { code: "ERR_HTTP_HOST" }).status, 400);
  const { status, code, name } = new ProtocolError("no", { code: "ERR_HTTP_X", status: 431 });
  assertEquals([status, code, name], [431, "ERR_HTTP_X", "ProtocolError"]);
});

Deno.test("the other errors have names and stable codes", () => {
  const large = new BodyTooLargeError(10);
  assertEquals([large.name, large.code, large.limit], [
    "BodyTooLargeError",
    "ERR_HTTP_BODY_TOO_LARGE",
    10,
  ]);
  assertEquals([errServerClosed.name, errServerClosed.code], [
    "ServerClosedError",
    "ERR_SERVER_CLOSED",
  ]);
});
