// The page as a file with models in it: it computes what is not there yet.

import { startPage } from "../main.js";
import { ModelSource } from "../sources/model.js";

startPage((held) => new ModelSource(held));
