import { assert, assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../ipc/errors.ts";
import { lookPath } from "../../ipc/look_path.ts";
import { programTest } from "./command_helpers.ts";

/** A directory with a program, a file that is none, and a directory. */
async function withFiles(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/tool`, "#!/bin/sh\n", { mode: 0o755 });
    await Deno.writeTextFile(`${dir}/text`, "hello", { mode: 0o644 });
    await Deno.mkdir(`${dir}/folder`);
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function refusedWith(code: string, name: string, path?: string): Promise<string> {
  const error = await assertRejects(() => lookPath(name, { path }), CommandError);
  assertEquals([error.code, error.command], [code, name]);
  return error.message;
}

programTest("lookPath() finds what the shell finds", async () => {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "command -v cat"] }).output();
  assertEquals(await lookPath("cat"), new TextDecoder().decode(stdout).trim());
});

programTest("lookPath() takes the first directory that has a program", async () => {
  await withFiles(async (dir) => {
    await Deno.mkdir(`${dir}/folder/tool`);
    assertEquals(
      await lookPath("tool", { path: `/nowhere:${dir}/folder:${dir}/:/bin` }),
      `${dir}/tool`,
    );
    assertEquals(await lookPath(`${dir}/tool`, { path: "" }), `${dir}/tool`);
  });
});

programTest("lookPath() says why it found nothing", async () => {
  await withFiles(async (dir) => {
    assert((await refusedWith("ENOENT", "nothing", dir)).endsWith('"nothing": not found in PATH'));
    assert((await refusedWith("EACCES", "text", dir)).includes(`${dir}/text is not executable`));
    await refusedWith("ENOENT", "folder", dir);
    await refusedWith("EISDIR", `${dir}/folder`);
    await refusedWith("EACCES", `${dir}/text`);
    await refusedWith("ENOENT", `${dir}/none`);
    await refusedWith("ENOENT", `${dir}/text/none`);
    await refusedWith("ENAMETOOLONG", `${dir}/${"x".repeat(300)}`);
    await refusedWith("ENOENT", "x".repeat(300), dir);
  });
});

programTest("lookPath() goes past what leads in circles", async () => {
  await withFiles(async (dir) => {
    await Deno.symlink(`${dir}/circle`, `${dir}/circle`);
    await refusedWith("ELOOP", `${dir}/circle`);
    await refusedWith("ENOENT", "circle", dir);
    assertEquals(await lookPath("tool", { path: `${dir}/circle:${dir}` }), `${dir}/tool`);
  });
});

programTest("lookPath() does not run what lies about in the current directory", async () => {
  await withFiles(async (dir) => {
    const before = Deno.cwd();
    Deno.chdir(dir);
    try {
      for (const path of ["", ".", `.:/nowhere`, ":/nowhere"]) {
        assert((await refusedWith("ERR_DOT", "tool", path)).includes("relative to here"));
      }
      assertEquals(await lookPath("tool", { path: `.:${dir}` }), `${dir}/tool`);
      assertEquals(await lookPath("./tool"), "./tool");
    } finally {
      Deno.chdir(before);
    }
  });
});

Deno.test("lookPath() refuses what is no name", async () => {
  await assertRejects(() => lookPath(""), TypeError, "program's name or path");
  await assertRejects(() => lookPath("a\0b"), TypeError, "NUL");
});
