/** The signals of each platform, and what may be done with them. */
import { quote } from "./checks.ts";

/** On every Unix. */
const unix: readonly Deno.Signal[] = [
  ...["SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL"] as const,
  ...["SIGINT", "SIGIO", "SIGKILL", "SIGPIPE", "SIGPROF", "SIGQUIT", "SIGSEGV"] as const,
  ...["SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU"] as const,
  ...["SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ"] as const,
];

/** What the runtime can name on each platform. */
const platforms: Readonly<Record<string, readonly Deno.Signal[]>> = {
  linux: [...unix, "SIGPOLL", "SIGPWR", "SIGSTKFLT", "SIGUNUSED"],
  darwin: [...unix, "SIGEMT", "SIGINFO"],
  windows: [
    ...["SIGABRT", "SIGBREAK", "SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM"] as const,
  ],
};

/** What the kernel delivers to nobody, and what only a broken program is sent. */
const uncatchable: ReadonlySet<string> = new Set<Deno.Signal>([
  ...["SIGKILL", "SIGSTOP", "SIGILL", "SIGFPE", "SIGSEGV"] as const,
]);

/** The signals this platform has. */
export const signalNames: readonly Deno.Signal[] = platforms[Deno.build.os] ?? unix;

/** Refuses a name that is no signal of this platform. */
export function checkSignal(name: unknown): asserts name is Deno.Signal {
  if ((signalNames as readonly unknown[]).includes(name)) return;
  throw new TypeError(
    `unknown signal ${quote(name)}: ${Deno.build.os} has ${[...signalNames].sort().join(", ")}`,
  );
}

/** Refuses, beside unknown names, what no program can catch. */
export function checkCatchable(name: unknown): asserts name is Deno.Signal {
  checkSignal(name);
  if (!uncatchable.has(name)) return;
  const why = name === "SIGKILL" || name === "SIGSTOP"
    ? "the system lets no program catch or ignore it"
    : "it means that the program itself is broken";
  throw new TypeError(`signal "${name}" cannot be caught: ${why}`);
}

/** The name of a signal that the runtime has none for, such as a real-time one. */
export function nameOfNumber(number: number): string {
  // The C library keeps the first two real-time signals, 32 and 33, to itself.
  return Deno.build.os === "linux" && number >= 34 && number <= 64
    ? number === 34 ? "SIGRTMIN" : `SIGRTMIN+${number - 34}`
    : `signal ${number}`;
}
