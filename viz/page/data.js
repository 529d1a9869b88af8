// What a page brings, and how elements are made.
//
// The program computes nothing: drawings, colours and numbers come with the page, which can be
// read without it. What a drawing needs is in its JSON block:
//   steps   the training steps of the slider; empty for a single graph
//   losses  what is said beside each step
//   looks   by a letter: how a node of that state and distance looks
//   graphs  for each figure, in order:
//     names   by the id of a node: its name
//     rows    by the id of a node: {text: [a line a frame], look: "a letter a frame"}
//     frames  by step: which frame to show
//     levels  for each drawing: {boxes: {id: {name, members, text, cells: ["a letter a frame"]}}}
"use strict";

const data = JSON.parse(document.querySelector('script[type="application/json"]').textContent);
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function button(label, words, action) {
  return make("button", { type: "button", "aria-label": words, title: words, onclick: action }, label);
}
