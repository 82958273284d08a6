// Offers to add stored queries for the runs named in the address, and the look of heads and edges, to
// Neo4j Browser's storage, and to let Browser draw the edges of the answer only. Then it continues to
// Browser. Any page on the web can link here, so nothing is written before the user clicks the button.
// Entries of others stay as they are.
"use strict";

const OURS = "headgraph:";
const LAST = "headgraph.grass"; // key of the look that this page wrote last
const ASKED = "headgraph.runs"; // runs that the user has added, or continued without
const CONNECT = "headgraph.autoComplete"; // whether this page has switched the setting off before
const MOST = 20; // runs to list
const READING = 500; // milliseconds during which a click meant for another page does nothing

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

// Ids of favourites and folders contain the run's name, so a second click replaces them.
function favourites(kit, runs, every) {
  const folderOf = (run) => `${OURS}${run}`;
  const folders = runs.map((run) => ({ id: folderOf(run), name: `headgraph ${run}` }));
  const documents = runs.flatMap((run) =>
    kit.documents.map(({ name, content }) => ({
      id: `${folderOf(run)}:${name}`,
      folder: folderOf(run),
      content: content.replaceAll(kit.mark, () => JSON.stringify(run)),
    })),
  );
  const ids = new Set(folders.map(({ id }) => id));
  const isOurs = (id) => id.startsWith(OURS) && (every || ids.has(id.slice(0, id.lastIndexOf(":"))));
  const kept = read("neo4j.documents", []).filter(({ id }) => !isOurs(`${id}`));
  const used = new Set(kept.map(({ folder }) => folder)); // folders that hold the user's own favourites
  const stays = ({ id }) => !ids.has(id) && (used.has(id) || !(every && `${id}`.startsWith(OURS)));
  localStorage.setItem("neo4j.documents", JSON.stringify([...kept, ...documents]));
  localStorage.setItem(
    "neo4j.folders",
    JSON.stringify([...read("neo4j.folders", []).filter(stays), ...folders]),
  );
}

function same(one, other) {
  const keys = Object.keys({ ...one, ...other });
  return keys.every((key) => one[key] === other[key]);
}

// A rule that the user changed after this page wrote it stays changed.
function look(kit) {
  const ours = kit.looks[isDark() ? "dark" : "light"];
  const last = read(LAST, {});
  const before = read("neo4j.grass", {});
  const others = Object.entries(before).filter(([name]) => !ours.some(([own]) => own === name));
  const isTheirs = (name) => name in last && name in before && !same(before[name], last[name]);
  const written = ours.map(([name, rule]) => [name, isTheirs(name) ? before[name] : rule]);
  localStorage.setItem("neo4j.grass", JSON.stringify(Object.fromEntries([...others, ...written])));
  const marks = ours.map(([name, rule]) => [name, isTheirs(name) ? last[name] : rule]);
  localStorage.setItem(LAST, JSON.stringify(Object.fromEntries(marks)));
}

// Browser joins all nodes that it draws, with edges that are not in the answer. Its settings contain
// this default, so a choice of the user shows only after this page has switched it off once.
function onlyTheAnswer() {
  if (read(CONNECT, false)) return;
  const settings = { ...read("neo4j.settings", {}), autoComplete: false };
  localStorage.setItem("neo4j.settings", JSON.stringify(settings));
  localStorage.setItem(CONNECT, "true");
}

// Links to single queries do not ask about these runs again.
function remember(runs, every) {
  const before = every ? [] : read(ASKED, []);
  localStorage.setItem(ASKED, JSON.stringify([...new Set([...before, ...runs])]));
}

// Browser's setting, or the system's if Browser has none.
function isDark() {
  const { theme } = read("neo4j.settings", {});
  if (theme === "dark") return true;
  return (!theme || theme === "auto") && matchMedia("(prefers-color-scheme: dark)").matches;
}

function say(text) {
  document.getElementById("said").textContent = text;
}

// A name from the address, on one line, with invisible and direction characters escaped.
function visible(name) {
  const plain = name.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`,
  );
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}

// Describe what a click on the button does.
function offer(runs, every) {
  const what = runs.length
    ? "headgraph's colours, and its stored queries as favourites for these runs,"
    : "headgraph's colours";
  say(`Add ${what} to Neo4j Browser?`);
  const edges =
    "switches off Browser's setting “Connect result nodes”, so that it draws only the edges of an answer";
  const also = [
    ...(read(CONNECT, false) ? [] : [edges]),
    ...(every ? ["removes the favourites that headgraph added for other runs"] : []),
  ];
  document.getElementById("also").textContent = also.length
    ? `The button also ${also.join(", and ")}.`
    : "";
  document.getElementById("where").hidden = runs.length === 0;
  const names = runs.slice(0, MOST).map(visible);
  if (runs.length > MOST) names.push(`and ${runs.length - MOST} more`);
  document.getElementById("runs").replaceChildren(
    ...names.map((name) => Object.assign(document.createElement("li"), { textContent: name })),
  );
}

async function main() {
  const named = new URLSearchParams(location.hash.slice(1));
  const runs = [...new Set(named.getAll("run"))];
  const every = named.has("every");
  const once = named.has("once"); // a link to one query, which asks only at the first use
  const on = `../${location.search}`; // server, user and database for Browser
  const without = document.getElementById("on");
  without.href = on;
  without.addEventListener("click", () => remember(runs, false));
  if (window.top !== window) {
    say("Open this page in a window of its own: a page around it could hide the button.");
    return;
  }
  const asked = read(ASKED, null);
  if (once && asked && runs.every((run) => asked.includes(run))) {
    location.replace(on);
    return;
  }
  try {
    const kit = await (await fetch("kit.json")).json();
    const put = document.getElementById("put");
    put.addEventListener("click", () => {
      try {
        favourites(kit, runs, every);
        look(kit);
        onlyTheAnswer();
        remember(runs, every);
        location.replace(on);
      } catch (problem) {
        say(`Cannot add favourites and colours to Neo4j Browser (${problem}).`);
      }
    });
    offer(runs, every);
    put.hidden = false;
    setTimeout(() => (put.disabled = false), READING);
  } catch (problem) {
    say(`Cannot read favourites and colours (${problem}). Neo4j Browser works without them.`);
  }
}

main();
