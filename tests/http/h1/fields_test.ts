import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { FieldScanner } from "../../../http/h1/fields.ts";
import { latin1 } from "../../../http/h1/text.ts";
import { bytesOf } from "./drive.ts";

Deno.test("a scanner finds the fields and the end of the section", () => {
  const bytes = bytesOf("..x\r\nA: 1\r\nbb:\t2 \r\n\r\nrest");
  const scanner = new FieldScanner();
  scanner.begin(3);
  assertEquals(scanner.scan(bytes, 2, bytes.length, 9), 19);
  assertEquals(scanner.count, 2);
  assertEquals(scanner.fields(latin1(bytes, 2, 21)), ["A", "1", "bb", "2"]);
});

Deno.test("a scanner begun anew forgets the section before", () => {
  const scanner = new FieldScanner();
  const first = bytesOf("A: 1\r\nB: 2\r\nhalf");
  scanner.begin(0);
  assertEquals(scanner.scan(first, 0, first.length, 9), -1);
  const second = bytesOf("C: 3\r\n\r\n");
  scanner.begin(0);
  assertEquals(scanner.scan(second, 0, second.length, 9), 8);
  assertEquals(scanner.fields(latin1(second, 0, 8)), ["C", "3"]);
});

Deno.test("a scanner looks at each byte once, however the section is cut", () => {
  const bytes = bytesOf(`X: ${"v".repeat(5000)}\r\n\r\n`);
  let looked = 0;
  const counting = new Proxy(bytes, {
    get(target, key): unknown {
      if (typeof key === "string" && /^\d+$/.test(key)) looked++;
      return Reflect.get(target, key, target);
    },
  });
  const scanner = new FieldScanner();
  scanner.begin(0);
  let length = -1;
  for (let end = 1; length === -1; end++) length = scanner.scan(counting, 0, end, 9);
  assertEquals(length, bytes.length);
  // A few bytes around each line end and the blanks are looked at twice.
  assertEquals(looked < bytes.length + 40, true, `${looked} looks`);
});

Deno.test("a scanner refuses one field too many as soon as it begins", () => {
  const scanner = new FieldScanner();
  scanner.begin(0);
  const bytes = bytesOf("A: 1\r\nB: 2\r\nC");
  assertEquals(scanner.scan(bytes, 0, 12, 2), -1);
  const error = assertThrows(() => scanner.scan(bytes, 0, 13, 2), ProtocolError, "more than 2");
  assertEquals(error.status, 431);
});

Deno.test("a scanner's error quotes the line up to the byte that is wrong", () => {
  const scanner = new FieldScanner();
  scanner.begin(0);
  const bytes = bytesOf("Good: 1\r\nBad header: 2\r\n\r\n");
  assertThrows(
    () => scanner.scan(bytes, 0, bytes.length, 9),
    ProtocolError,
    'header name "Bad ": no blank before the colon',
  );
});
