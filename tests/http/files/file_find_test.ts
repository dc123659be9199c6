import { assert, assertEquals, assertRejects } from "@std/assert";
import { find, type Found } from "../../../http/files/file_find.ts";
import { makeFifo, TempDir } from "./file_support.ts";

/** What kind it is; an open file is closed. */
function kindOf(found: Found): Found["kind"] {
  if (found.kind === "file") found.file.close();
  return found.kind;
}

/** Does something just before and just after each file is opened. */
function aroundOpen(before: () => void, after: () => void): Disposable {
  const open = Deno.open;
  Deno.open = async (...args) => {
    before();
    const file = await open(...args);
    after();
    return file;
  };
  return { [Symbol.dispose]: () => void (Deno.open = open) };
}

Deno.test("find() opens a regular file and tells what the open one is", async () => {
  using dir = new TempDir();
  dir.write({ "a.txt": "hello" });
  const found = await find(`${dir.path}/a.txt`, dir.path);
  assert(found.kind === "file");
  using file = found.file;
  assertEquals(found.info.size, 5);
  assertEquals((await file.stat()).ino, found.info.ino);
});

for (const rooted of [true, false]) {
  const where = rooted ? "in a root" : "anywhere";

  Deno.test(`find() ${where} tells files, directories and nothing apart`, async () => {
    using dir = new TempDir();
    dir.write({ "sub/a.txt": "x" });
    Deno.symlinkSync("loop", `${dir.path}/loop`);
    Deno.symlinkSync("gone", `${dir.path}/dangling`);
    const kind = async (name: string) =>
      kindOf(await find(`${dir.path}/${name}`, rooted ? dir.path : undefined));
    assertEquals(await kind("sub/a.txt"), "file");
    assertEquals(await kind("sub"), "directory");
    for (const name of ["gone", "gone/a", "sub/a.txt/b", "loop", "dangling", "x".repeat(300)]) {
      assertEquals(await kind(name), "none", name);
    }
  });

  Deno.test(`find() ${where} does not open what is no regular file`, async () => {
    using dir = new TempDir();
    using _ = aroundOpen(() => assert(false, "it was opened"), () => {});
    using listener = Deno.listen({ transport: "unix", path: `${dir.path}/socket` });
    const names = makeFifo(`${dir.path}/fifo`) ? ["fifo", "socket"] : ["socket"];
    for (const name of names) {
      const root = rooted ? dir.path : undefined;
      assertEquals((await find(`${dir.path}/${name}`, root)).kind, "none", name);
    }
    assertEquals((await find("/dev/null", rooted ? "/" : undefined)).kind, "none");
    listener.close();
  });
}

Deno.test("find() in a root goes where a symbolic link leads, but not out", async () => {
  using dir = new TempDir();
  dir.write({ "root/a.txt": "in", "secret/b.txt": "out", "root2/c.txt": "out" });
  const root = `${dir.path}/root`;
  const links = { in: "a.txt", file: "../secret/b.txt", dir: "../secret", like: "../root2" };
  for (const [name, target] of Object.entries(links)) Deno.symlinkSync(target, `${root}/${name}`);
  Deno.symlinkSync("..", `${root}/up`);
  const kind = async (name: string, within?: string) =>
    kindOf(await find(`${root}/${name}`, within));
  assertEquals(await kind("in", root), "file");
  assertEquals(await kind("up/root/a.txt", root), "file");
  for (const name of ["file", "dir", "dir/b.txt", "like/c.txt", "up", "up/secret/b.txt"]) {
    assertEquals(await kind(name, root), "none", name);
  }
  assertEquals(await kind("dir/b.txt"), "file");
});

for (const back of [false, true]) {
  const what = back ? "and back, once it was opened" : "just before it is opened";
  Deno.test(`find() refuses a file when a directory becomes a link ${what}`, async () => {
    using dir = new TempDir();
    dir.write({ "root/sub/a.txt": "in", "secret/a.txt": "out" });
    const sub = `${dir.path}/root/sub`;
    const swap = () => {
      Deno.renameSync(sub, `${sub}.old`);
      Deno.symlinkSync(`${dir.path}/secret`, sub);
    };
    const swapBack = () => {
      Deno.removeSync(sub);
      Deno.renameSync(`${sub}.old`, sub);
    };
    using _ = aroundOpen(swap, back ? swapBack : () => {});
    assertEquals(kindOf(await find(`${sub}/a.txt`, `${dir.path}/root`)), "none");
  });
}

Deno.test("find() refuses a file that was replaced just before it is opened", async () => {
  using dir = new TempDir();
  dir.write({ "root/a.txt": "in", "secret.txt": "out" });
  const path = `${dir.path}/root/a.txt`;
  using _ = aroundOpen(() => {
    Deno.removeSync(path);
    Deno.symlinkSync(`${dir.path}/secret.txt`, path);
  }, () => {});
  assertEquals(kindOf(await find(path, `${dir.path}/root`)), "none");
});

Deno.test("find() says so when a file may not be read", async () => {
  using dir = new TempDir();
  dir.write({ "a.txt": "x" });
  const open = Deno.open;
  Deno.open = () => Promise.reject(new Deno.errors.PermissionDenied("denied")); // root may all
  try {
    await assertRejects(() => find(`${dir.path}/a.txt`), Deno.errors.PermissionDenied);
    await assertRejects(() => find(`${dir.path}/a.txt`, dir.path), Deno.errors.PermissionDenied);
  } finally {
    Deno.open = open;
  }
});
