// Puts the stored queries of the runs named in the address, and the look of heads and edges, into
// Neo4j Browser's storage, and goes on to Browser. What is not ours stays as it is.
"use strict";

const OURS = "headgraph:";
const LAST = "headgraph.grass"; // the look as this page wrote it last

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

// The favourites and folders of a run have ids made of its name: written again, never twice.
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
  const used = new Set(kept.map(({ folder }) => folder)); // somebody's own favourites are in it
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

// A rule that was changed by hand since this page wrote it stays changed.
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

// Browser's own setting, else the system's.
function isDark() {
  const { theme } = read("neo4j.settings", {});
  if (theme === "dark") return true;
  return (!theme || theme === "auto") && matchMedia("(prefers-color-scheme: dark)").matches;
}

async function main() {
  const named = new URLSearchParams(location.hash.slice(1));
  const on = `../${location.search}`; // Browser reads its own address: server, user, database
  document.getElementById("on").href = on;
  try {
    const kit = await (await fetch("kit.json")).json();
    favourites(kit, [...new Set(named.getAll("run"))], named.has("every"));
    look(kit);
    location.replace(on);
  } catch (problem) {
    document.getElementById("said").textContent =
      `Favourites and colours could not be put into Neo4j Browser (${problem}). It works without.`;
  }
}

main();
