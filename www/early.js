// Runs before anything else, as a classic script: these are never blocked for their origin.
// It sets the colours, so that nothing flashes, and says what is missing.
(function () {
  "use strict";
  var root = document.documentElement;
  var query = new URLSearchParams(location.search);
  var kept = null;
  try {
    kept = localStorage.getItem("raft-playground-theme");
  } catch (refused) {
    // A frame without storage starts with the system's colours.
  }
  root.dataset.theme = query.get("theme") || kept || "auto";

  function fail(reason) {
    root.dataset.failed = root.dataset.failed || reason;
  }
  if (typeof WebAssembly !== "object") {
    fail("no-wasm");
  } else if (typeof Worker !== "function") {
    fail("no-worker");
  }
  // A module that is blocked by its origin fails without a word of its own.
  addEventListener(
    "error",
    function (event) {
      if (event.target && event.target.tagName === "SCRIPT" && event.target.type === "module") {
        fail("no-module");
      }
    },
    true,
  );
})();
