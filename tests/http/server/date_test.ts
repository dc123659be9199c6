import { assert, assertMatch } from "@std/assert";
import { httpDate, refreshDate } from "../../../http/server/date.ts";

Deno.test("httpDate() is the present second, as RFC 9110 section 5.6.7 writes it", () => {
  const before = Math.floor(Date.now() / 1000) * 1000;
  refreshDate();
  const text = httpDate();
  assertMatch(text, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert(Date.parse(text) >= before && Date.parse(text) <= Date.now());
});
