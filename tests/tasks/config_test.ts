import { assertEquals } from "@std/assert";
import { chooseConfig, fetchWithDeno, jsrSpecifiers, readConfig } from "../../tasks/config.ts";

const root = new URL("../../", import.meta.url);
const config = { imports: { a: "jsr:@std/assert@^1.0.0", b: "./b.ts", c: "npm:c@1" } };

Deno.test("jsrSpecifiers() lists what comes from JSR, and nothing else", () => {
  assertEquals(jsrSpecifiers(config), ["jsr:@std/assert@^1.0.0"]);
  assertEquals(jsrSpecifiers({}), []);
});

Deno.test("readConfig() reads the entry points of this package", () => {
  assertEquals(readConfig(root).exports?.["./net"], "./net/mod.ts");
});

Deno.test("chooseConfig() takes deno.json when JSR answers", async () => {
  const asked: string[][] = [];
  const choice = await chooseConfig(config, (specifiers) => {
    asked.push(specifiers);
    return Promise.resolve(true);
  });
  assertEquals(choice, { file: "deno.json", reason: "JSR answers" });
  assertEquals(asked, [["jsr:@std/assert@^1.0.0"]]);
});

Deno.test("chooseConfig() takes deno.offline.json when JSR is out of reach", async () => {
  const choice = await chooseConfig(config, () => Promise.resolve(false));
  assertEquals(choice, { file: "deno.offline.json", reason: "JSR: out of reach" });
});

Deno.test("chooseConfig() gives up on a JSR that keeps silent", async () => {
  const silent = (_: string[], signal: AbortSignal) =>
    new Promise<boolean>((resolve) => signal.addEventListener("abort", () => resolve(false)));
  const choice = await chooseConfig(config, silent, 1);
  assertEquals(choice, { file: "deno.offline.json", reason: "JSR: no answer within 0.001 s" });
});

Deno.test("chooseConfig() asks nobody when there is nothing to fetch", async () => {
  const choice = await chooseConfig({}, () => Promise.reject(new Error("asked")));
  assertEquals(choice.file, "deno.json");
});

Deno.test("fetchWithDeno() tells a module that can be had from one that cannot", async () => {
  const fetch = fetchWithDeno(root);
  const { signal } = new AbortController();
  assertEquals(await fetch(["./tasks/summary.ts"], signal), true);
  assertEquals(await fetch(["./tasks/no_such_file.ts"], signal), false);
});

Deno.test("fetchWithDeno() kills the process when it is told to give up", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const giveUp = new AbortController();
  const fetched = fetchWithDeno(root)([`http://127.0.0.1:${silent.addr.port}/`], giveUp.signal);
  const connection = await silent.accept();
  giveUp.abort();
  assertEquals(await fetched, false);
  connection.close();
  silent.close();
});
