/** Finds and opens files, and makes sure that what was opened is what was found. */
import { isWithin } from "./file_path.ts";

/** What is at a path. */
export type Found =
  /** A regular file, open, and what it was when it was opened. */
  | { readonly kind: "file"; readonly file: Deno.FsFile; readonly info: Deno.FileInfo }
  /** A directory, and its path. */
  | { readonly kind: "directory"; readonly path: string }
  /** Nothing that may be served. */
  | { readonly kind: "none" };

const none: Found = { kind: "none" };

/**
 * Finds what is at a path, and opens it if it is a regular file. Anything but that and a directory
 * counts as nothing, and is not opened: to open a FIFO is to wait for its other end.
 *
 * @param path The path.
 * @param root Where it must be, real path and all; anywhere if `undefined`.
 * @throws {Deno.errors.PermissionDenied} The file may not be read.
 * @throws {Deno.errors.NotCapable} `--allow-read` is missing.
 */
export async function find(path: string, root?: string): Promise<Found> {
  try {
    return root === undefined ? await findAnywhere(path) : await findWithin(path, root);
  } catch (error) {
    if (isMissing(error)) return none;
    throw error;
  }
}

async function findAnywhere(path: string): Promise<Found> {
  const info = await Deno.stat(path);
  if (info.isDirectory) return { kind: "directory", path };
  if (!info.isFile) return none;
  using scope = new DisposableStack();
  const file = scope.use(await Deno.open(path));
  return kept(scope, file, await file.stat());
}

/**
 * A directory on the way may become a symbolic link between the look and the opening. Then either
 * the path is no longer real, or it leads to another file than the one that is open.
 */
async function findWithin(path: string, root: string): Promise<Found> {
  const real = await Deno.realPath(path);
  if (!isWithin(real, root)) return none;
  const info = await Deno.lstat(real);
  if (info.isDirectory) return { kind: "directory", path: real };
  if (!info.isFile) return none;
  using scope = new DisposableStack();
  const file = scope.use(await Deno.open(real));
  const [here, there, stillReal] = await Promise.all([
    file.stat(),
    Deno.lstat(real),
    Deno.realPath(real),
  ]);
  if (stillReal !== real || there.dev !== here.dev || there.ino !== here.ino) return none;
  return kept(scope, file, here);
}

/** The open file, taken out of the scope that would close it, if it is a regular one. */
function kept(scope: DisposableStack, file: Deno.FsFile, info: Deno.FileInfo): Found {
  if (!info.isFile) return none;
  scope.move();
  return { kind: "file", file, info };
}

/**
 * Whether an error says that there is nothing at a path.
 *
 * @param error What a call of the file system threw.
 */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop ||
    (error as { code?: unknown } | null)?.code === "ENAMETOOLONG";
}
