// Runs before the first paint, so that nobody who wants it dark sees a flash of white.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("wye-theme");
  } catch {
    // Storage may be switched off: then the system decides.
  }
  var dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", dark);
})();
