import { assertEquals } from "@std/assert";
import {
  checkConditions,
  fileValidators,
  parseHttpDate,
  rangeAllowed,
} from "../../../http/files/conditional.ts";

const changed = "Mon, 06 May 2024 07:08:09 GMT";
const before = "Mon, 06 May 2024 07:08:08 GMT";
const after = "Mon, 06 May 2024 07:08:10 GMT";
const strong = { etag: '"v1"', lastModified: Date.parse(changed) };
const weak = { ...strong, etag: 'W/"v1"' };
const unknown = { etag: undefined, lastModified: undefined };

type Fields = Record<string, string>;
const cases: [fields: Fields, status: 200 | 304 | 412, why: string][] = [
  [{}, 200, "no condition"],
  [{ "if-match": '"v1"' }, 200, "the same"],
  [{ "if-match": '"v0"' }, 412, "another"],
  [{ "if-match": '"v0", "v1"' }, 200, "one of several"],
  [{ "if-match": 'W/"v1"' }, 412, "a weak tag never matches strongly"],
  [{ "if-match": "*" }, 200, "whatever is there"],
  [{ "if-match": "v1" }, 412, "no tag without quotes"],
  [{ "if-match": '"v0", oops, "v1"' }, 412, "nothing is seen behind what is malformed"],
  [{ "if-none-match": '"v1"' }, 304, "the same"],
  [{ "if-none-match": 'W/"v1"' }, 304, "the same, weakly"],
  [{ "if-none-match": '"v0"' }, 200, "another"],
  [{ "if-none-match": ' , "v0" ,W/"v1"' }, 304, "one of several"],
  [{ "if-none-match": '"a,b","v1"' }, 304, "a comma within a tag"],
  [{ "if-none-match": "*" }, 304, "whatever is there"],
  [{ "if-none-match": '"v1' }, 200, "no tag without its end"],
  [{ "if-modified-since": changed }, 304, "not since then"],
  [{ "if-modified-since": after }, 304, "not since later"],
  [{ "if-modified-since": before }, 200, "since then"],
  [{ "if-modified-since": "2024-05-07" }, 200, "no HTTP date is ignored"],
  [{ "if-unmodified-since": changed }, 200, "not since then"],
  [{ "if-unmodified-since": before }, 412, "since then"],
  [{ "if-unmodified-since": "yesterday" }, 200, "no HTTP date is ignored"],
  [{ "if-match": '"v1"', "if-unmodified-since": before }, 200, "If-Match hides the date"],
  [{ "if-none-match": '"v0"', "if-modified-since": after }, 200, "If-None-Match hides the date"],
  [{ "if-match": '"v0"', "if-none-match": '"v1"' }, 412, "If-Match is first"],
  [{ "if-match": '"v1"', "if-none-match": '"v1"' }, 304, "If-None-Match is next"],
  [{ "if-unmodified-since": before, "if-none-match": '"v1"' }, 412, "the date is first"],
];

for (const [fields, status, why] of cases) {
  Deno.test(`checkConditions() of ${JSON.stringify(fields)} is ${status}: ${why}`, () => {
    assertEquals(checkConditions(new Headers(fields), strong), status);
  });
}

Deno.test("checkConditions() compares a weak tag for If-None-Match alone", () => {
  assertEquals(checkConditions(new Headers({ "if-none-match": '"v1"' }), weak), 304);
  assertEquals(checkConditions(new Headers({ "if-match": 'W/"v1"' }), weak), 412);
});

Deno.test("checkConditions() without validators knows only whether there is something", () => {
  for (
    const [fields, status] of [
      [{ "if-match": "*" }, 200],
      [{ "if-match": '"v1"' }, 412],
      [{ "if-none-match": "*" }, 304],
      [{ "if-none-match": '"v1"' }, 200],
      [{ "if-modified-since": after }, 200],
      [{ "if-unmodified-since": before }, 200],
    ] as [Fields, number][]
  ) assertEquals(checkConditions(new Headers(fields), unknown), status, JSON.stringify(fields));
});

Deno.test("rangeAllowed() wants the very same version", () => {
  const allowed = (field: string, validators: typeof strong | typeof unknown) =>
    rangeAllowed(new Headers({ "if-range": field }), validators);
  assertEquals(rangeAllowed(new Headers(), weak), true, "no condition");
  assertEquals(allowed('"v1"', strong), true, "the tag");
  assertEquals(allowed('"v0"', strong), false, "another tag");
  assertEquals(allowed('W/"v1"', strong), false, "a weak tag of the client");
  assertEquals(allowed('W/"v1"', weak), false, "a weak tag of both");
  assertEquals(allowed('"v1"', weak), false, "a weak tag of ours");
  assertEquals(allowed(changed, strong), true, "the date");
  assertEquals(allowed(after, strong), false, "a later date");
  assertEquals(allowed(changed, weak), false, "a date too near to tell two versions apart");
  assertEquals(allowed("junk", strong), false, "neither");
  assertEquals(allowed('"v1"', unknown), false, "nothing to compare with");
});

Deno.test("fileValidators() differ with size and time, and are weak for two seconds", () => {
  const time = Date.parse(changed) + 500;
  const at = (size: number, ms: number, now: number) => fileValidators(size, new Date(ms), now);
  const old = at(10, time, time + 2_000);
  assertEquals(old.lastModified, Date.parse(changed));
  assertEquals(old.etag?.startsWith('"'), true);
  assertEquals(old, at(10, time, time + 1e9));
  assertEquals(at(11, time, time + 1e9).etag === old.etag, false);
  assertEquals(at(10, time + 1, time + 1e9).etag === old.etag, false);
  assertEquals(at(10, time, time + 1_999).etag, `W/${old.etag}`);
  assertEquals(at(10, time, time - 60_000).etag, `W/${old.etag}`);
});

Deno.test("fileValidators() never say that a file was changed later than now", () => {
  const now = Date.parse(changed) + 700;
  assertEquals(fileValidators(1, new Date(now + 60_000), now).lastModified, Date.parse(changed));
});

Deno.test("fileValidators() are none where the time is not known", () => {
  assertEquals(fileValidators(10, null, 0), unknown);
});

const dates: [text: string, iso: string | undefined][] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
  ["Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37.000Z"],
  ["Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.000Z"],
  ["Wed Nov 16 08:49:37 1994", "1994-11-16T08:49:37.000Z"],
  ["Monday, 06-May-24 07:08:09 GMT", "2024-05-06T07:08:09.000Z"],
  ["Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00.000Z"],
  ["Thu, 01 Jan 0050 00:00:00 GMT", "0050-01-01T00:00:00.000Z"],
  ["Wed, 29 Feb 2023 00:00:00 GMT", undefined],
  ["Sun, 06 Nov 1994 24:00:00 GMT", undefined],
  ["Sun, 06 Nov 1994 08:49:37 UTC", undefined],
  ["Sun, 6 Nov 1994 08:49:37 GMT", undefined],
  ["1994-11-06T08:49:37Z", undefined],
  ["784111777", undefined],
  ["", undefined],
];

for (const [text, iso] of dates) {
  Deno.test(`parseHttpDate() of "${text}" is ${iso ?? "no date"}`, () => {
    const time = parseHttpDate(text);
    assertEquals(time === undefined ? undefined : new Date(time).toISOString(), iso);
  });
}
