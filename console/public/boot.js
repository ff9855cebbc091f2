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

// Asks who is here while the program is still on its way, and then for what the page is made of and what it will ask
// first; `shared/api/client.ts` takes those answers. A browser test notices a question that nobody asks any more.
(function () {
  var parts = {}; // by page: the build writes them here
  var questions = {
    overview: [
      "/api/llm-providers/telemetry?hours=24",
      "/api/usage?by=provider&step=hour&compare=true&since=24h&limit=8",
      "/api/llm-providers/telemetry/insights",
      "/api/usage/requests?limit=12&since=30d",
    ],
  };
  var early = (window.wyeEarly = {});
  function ask(question) {
    early[question] = fetch(question);
  }
  ask("/api/session");
  early["/api/session"]
    .then(function (answer) {
      return answer.clone().json();
    })
    .then(function (session) {
      var page = location.pathname.replace(/^\/console\/?/, "").replace(/\/$/, "") || "overview";
      (parts[session.signedIn ? page : "sign-in"] || []).forEach(function (file) {
        var link = document.createElement("link");
        link.rel = "modulepreload";
        link.href = file;
        document.head.append(link);
      });
      if (!session.signedIn) return;
      function may(scope) {
        return session.scopes.includes(scope);
      }
      if (may("use") || may("read")) ask("/api/llm-providers/status");
      if ((may("read") || may("manage")) && location.search === "") (questions[page] || []).forEach(ask);
    })
    .catch(function () {
      // Who asks next says what is wrong.
    });
})();
