// The page from the server on this machine: it asks for whatever is not there yet.

import { startPage } from "../main.js";
import { LiveSource } from "../sources/live.js";

startPage((held) => new LiveSource(held));
