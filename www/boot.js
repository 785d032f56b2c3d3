// Loads the app. Whatever goes wrong before it runs is told by early.js and the page itself.
import init from "./app.js";

const root = document.documentElement;
if (!root.dataset.failed) {
  try {
    await init({ module_or_path: new URL("./app_bg.wasm", import.meta.url) });
  } catch (error) {
    // A panic has already been marked; anything else kept the module from starting.
    root.dataset.failed ??= "no-module";
    document.getElementById("failed-detail").textContent = String(error);
    throw error;
  }
}
