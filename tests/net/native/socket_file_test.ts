import { assert, assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../../net/errors.ts";
import { bindName } from "../../../net/native/socket_file.ts";
import {
  AF_UNIX,
  close,
  getsockname,
  SOCK_STREAM,
  socket,
  SyscallError,
} from "../../../sys/mod.ts";
import "./support.ts";

/** A socket, and a path in a directory of its own. */
function withPath(use: (fd: number, path: string) => void): void {
  const directory = Deno.makeTempDirSync();
  const fd = socket(AF_UNIX, SOCK_STREAM);
  try {
    use(fd, `${directory}/socket`);
  } finally {
    close(fd);
    Deno.removeSync(directory, { recursive: true });
  }
}

const exists = (path: string): boolean => {
  try {
    return Deno.lstatSync(path).isSocket ?? true;
  } catch {
    return false;
  }
};

Deno.test("bindName() binds a path, whose file remove() removes", () =>
  withPath((fd, path) => {
    const file = bindName(fd, path);
    assert(exists(path));
    file.remove();
    assertEquals(exists(path), false);
    file.remove();
  }));

Deno.test("remove() leaves a stranger's file alone", () =>
  withPath((fd, path) => {
    const file = bindName(fd, path);
    Deno.removeSync(path);
    const stranger = socket(AF_UNIX, SOCK_STREAM);
    bindName(stranger, path);
    file.remove();
    assert(exists(path));
    close(stranger);
  }));

Deno.test("a path that exists is EADDRINUSE, and left alone", () =>
  withPath((fd, path) => {
    Deno.writeTextFileSync(path, "precious");
    const error = assertThrows(() => bindName(fd, path), SyscallError);
    assertEquals(error.code, "EADDRINUSE");
    assertEquals(Deno.readTextFileSync(path), "precious");
  }));

Deno.test("an abstract name has no file", () =>
  withPath((fd) => {
    const name = `@plumb-${crypto.randomUUID()}`;
    const file = bindName(fd, name);
    assertEquals(getsockname(fd), { family: "unix", path: name });
    file.remove();
  }));

Deno.test("what is no name is an AddressError", () =>
  withPath((fd) => {
    for (const bad of ["", "a\0b", "x".repeat(200)]) {
      assertThrows(() => bindName(fd, bad), AddressError);
    }
  }));

for (const missing of ["read", "write"] as const) {
  Deno.test({
    name: `a path needs --allow-${missing}, and nothing is made without it`,
    permissions: { ffi: true, read: true, write: true, [missing]: false },
    fn: () => {
      const fd = socket(AF_UNIX, SOCK_STREAM);
      const path = `/tmp/plumb-${crypto.randomUUID()}`;
      const error = assertThrows(() => bindName(fd, path), Deno.errors.NotCapable);
      assert(error.message.includes(`--allow-${missing}`), error.message);
      assertEquals(getsockname(fd), { family: "unix", path: "" });
      close(fd);
    },
  });
}
