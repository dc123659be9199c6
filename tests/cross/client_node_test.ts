/** Our client of Node's `node:http` server; `peers/client_cases.ts` says what it asks. */
import { testClientOf } from "./peers/client_cases.ts";
import { node } from "./peers/client_servers.ts";

testClientOf(node);
