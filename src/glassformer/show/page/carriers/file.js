// The page as a file: it holds what was computed beforehand.

import { startPage } from "../main.js";
import { FileSource } from "../sources/file.js";

startPage((held) => new FileSource(held));
