/**
 * Loads the C library before any test does, whose resources are counted, and lets the poller's
 * thread come back after each of them, whose operations are.
 */
import { available, poller } from "../../sys/mod.ts";
import { mqAvailable } from "../../sys/mqueue.ts";
import { semAvailable } from "../../sys/semaphore.ts";

mqAvailable();
semAvailable();
if (available()) Deno.test.afterEach(() => poller.idle());
