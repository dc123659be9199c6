import { assert, assertEquals } from "@std/assert";
import { describeErrno, errnoCode, errnoNumber } from "../../sys/errno.ts";
import { hasPython, Python } from "./helpers.ts";

Deno.test("a number nobody knows still has a code and a description", () => {
  assertEquals([errnoCode(4000), describeErrno(4000)], ["E4000", "error 4000"]);
});

Deno.test({
  name: "every errno has the name and number that Python's errno module has",
  ignore: !hasPython,
  async fn() {
    await using python = new Python("import errno; say(str(errno.errorcode).replace(\"'\", '\"'))");
    const pairs = (await python.line()).matchAll(/(\d+): "(\w+)"/g);
    let same = 0;
    for (const [, number, name] of pairs) {
      if (errnoNumber(name) < 0) continue;
      assertEquals([errnoNumber(name), errnoCode(Number(number))], [Number(number), name]);
      assert(!describeErrno(Number(number)).startsWith("error "));
      same++;
    }
    assert(same > 60, `${same} names are in both tables`);
  },
});
