// What scripts add to pages that work without them.
import { listen } from "./live.js";
import { theme } from "./theme.js";
import { keys } from "./keys.js";
import { transcript } from "./transcript.js";
import { ages } from "./ages.js";

theme();
ages();
transcript();
keys();
listen();
