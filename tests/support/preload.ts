/** Loads the C library before any test does, whose resources are counted. */
import { available } from "../../sys/mod.ts";

available();
