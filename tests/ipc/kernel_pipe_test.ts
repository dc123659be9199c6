import { assertEquals, assertThrows } from "@std/assert";
import { haveKernelPipes, KernelPipe } from "../../ipc/kernel_pipe.ts";
import { SyscallError } from "../../sys/errors.ts";
import { close } from "../../sys/fd.ts";
import { linux, programTest } from "./command_helpers.ts";

Deno.test("kernel pipes are to be had on Linux and macOS with every permission", () => {
  assertEquals(haveKernelPipes(), Deno.build.os !== "windows");
});

programTest("a kernel pipe takes bytes from program to program", async () => {
  using pipe = new KernelPipe();
  const options = { stdin: "null", stdout: pipe.writer } as unknown as Deno.CommandOptions;
  const first = new Deno.Command("echo", { args: ["hello"], ...options }).spawn();
  pipe.close("writer");
  const reading = { stdin: pipe.reader, stdout: "piped" } as unknown as Deno.CommandOptions;
  const second = new Deno.Command("cat", reading).spawn();
  pipe.close("reader");
  assertEquals(await new Response(second.stdout).text(), "hello\n");
  await Promise.all([first.status, second.status]);
});

programTest("each end is closed once", async () => {
  const pipe = new KernelPipe();
  const ends = [pipe.reader, pipe.writer];
  pipe.close("writer");
  pipe.close("writer");
  pipe[Symbol.dispose]();
  for (const end of ends) assertThrows(() => close(end), SyscallError, "EBADF");
  await Promise.resolve();
});

/** What `haveKernelPipes()` says with these flags. */
async function haveThemWith(...flags: string[]): Promise<string> {
  const module = new URL("../../ipc/kernel_pipe.ts", import.meta.url).href;
  const code = `import { haveKernelPipes } from "${module}"; console.log(haveKernelPipes());`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, code);
    const args = ["run", "--no-prompt", "--no-config", "--no-check", ...flags, file];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(file);
  }
}

programTest("without --allow-ffi there are none, and nothing asks for it", async () => {
  assertEquals(await haveThemWith(), "false");
});

Deno.test({
  name: "the permission for the C library alone is enough",
  ignore: !linux,
  async fn() {
    const maps = await Deno.readTextFile("/proc/self/maps");
    const library = maps.match(/\S*\/(?:libc\.so\.6|ld-musl-\S+)$/m)?.[0];
    assertEquals(await haveThemWith(`--allow-ffi=${library}`), "true");
  },
});
