#include "daemon/control/page.hpp"

namespace lakeferry::daemon {

namespace {

// Values reach the page as text nodes only: nothing that a space is called can become markup.
constexpr const char* page = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lakeferry</title>
<style>
:root { color-scheme: light dark; --line: #8884; --good: #2a7d3f; --bad: #c0392b; --dim: #777; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
#daemon { color: var(--dim); margin-bottom: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--dim); white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.running { color: var(--good); } .degraded, .restarting { color: var(--bad); } .paused { color: var(--dim); }
.reason { color: var(--bad); font-size: .9em; max-width: 34rem; overflow-wrap: anywhere; }
#trouble { color: var(--bad); }
</style>
</head>
<body>
<h1>Lakeferry</h1>
<div id="daemon">reading the status</div>
<div id="trouble" role="alert"></div>
<div class="wide">
<table>
<thead><tr><th>Space</th><th>State</th><th>Target</th><th>Now</th><th>Last run</th><th>Rows</th><th>Lag</th><th>Next run</th><th>Waiting</th></tr></thead>
<tbody id="spaces"></tbody>
</table>
</div>
<noscript>This page needs JavaScript; the same as JSON: /api/v1/status</noscript>
<script>
"use strict";
const ago = s => s == null ? "never" : s < 90 ? Math.round(s) + " s" : s < 5400 ? Math.round(s / 60) + " min"
  : s < 172800 ? Math.round(s / 3600) + " h" : Math.round(s / 86400) + " d";
const bytes = n => n < 1024 ? n + " B" : n < 1048576 ? (n / 1024).toFixed(0) + " KiB"
  : n < 1073741824 ? (n / 1048576).toFixed(1) + " MiB" : (n / 1073741824).toFixed(1) + " GiB";
const at = us => us ? new Date(us / 1000).toLocaleString() : "";
function cell(row, text, kind) {
  const td = document.createElement("td");
  td.textContent = text;
  if (kind) td.className = kind;
  row.append(td);
  return td;
}
function show(s) {
  document.getElementById("daemon").textContent = "version " + s.version + ", started " + at(s.started_us) +
    ", configuration generation " + s.generation + (s.stopping ? ", stopping" : s.ready ? "" : ", starting") +
    ", intake " + s.intake.addresses.join(", ") + ", " + bytes(s.intake.backlog_bytes) + " on disk";
  document.getElementById("trouble").textContent =
    s.last_reload && !s.last_reload.accepted ? "Last reload refused: " + s.last_reload.text : "";
  const body = document.getElementById("spaces");
  body.replaceChildren();
  for (const one of s.spaces) {
    const row = document.createElement("tr");
    cell(row, one.name === one.id ? one.id : one.name + " (" + one.id + ")");
    const state = cell(row, one.state, one.state);
    for (const words of [one.reason, one.identity.notice]) {
      if (!words) continue;
      const why = document.createElement("div");
      why.className = "reason";
      why.textContent = words;
      state.append(why);
    }
    cell(row, one.target);
    cell(row, one.sync.activity || (one.identity.working ? "resolving calls" : one.sync.phase));
    const last = one.sync.last;
    cell(row, last ? last.status + ", " + at(last.ended_us) : "");
    cell(row, last ? String(last.rows) : "", "number");
    cell(row, ago(one.sync.lag_s), "number");
    cell(row, at(one.sync.next_us));
    cell(row, bytes(one.waiting.events_bytes + one.waiting.rows_bytes), "number");
    body.append(row);
  }
}
async function refresh() {
  try {
    const answer = await fetch("/api/v1/status", { cache: "no-store" });
    show(await answer.json());
  } catch (error) {
    document.getElementById("trouble").textContent = "The daemon does not answer: " + error.message;
  }
}
refresh();
setInterval(refresh, 5000);
</script>
</body>
</html>
)html";

}  // namespace

http::response status_page()
{
    http::response answer;
    answer.status = 200;
    answer.fields.set("Content-Type", "text/html; charset=utf-8");
    answer.fields.set("Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
                      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    answer.fields.set("X-Content-Type-Options", "nosniff");
    answer.fields.set("Cache-Control", "no-store");
    answer.body = page;
    return answer;
}

}  // namespace lakeferry::daemon
