// @ts-check
/** Lessons: a scene, a question, and the answer behind it. */
import { make } from "./ladder.js";
import { say } from "./words.js";

/** What each lesson trains. */
export const SCENES = [
  "net=64x10&act=sigmoid&b.act=relu",
  "net=64x10&act=sigmoid&b.act=scaled_sigmoid",
  "net=64x10&act=sigmoid&b.act=tanh",
  "net=64x30&act=tanh&init=lecun_normal&scale=0.8&b.scale=1.05",
  "net=64x20&act=sigmoid&b.norm=layer&b.skip=2",
];
const ANSWERS = ["a", "b", "c"];

/** @param {HTMLElement} root @param {number} lesson @param {(scene: string) => void} open @param {() => void} close */
export function drawLesson(root, lesson, open, close) {
  const key = `${lesson} ${document.documentElement.lang}`;
  root.hidden = !lesson;
  if (!lesson || root.dataset.drawn === key) return;
  root.dataset.drawn = key;
  const text = (/** @type {string} */ part) => say(`lesson.${lesson}.${part}`);
  const answer = make("p", "answer");
  answer.hidden = true;
  const buttons = ANSWERS.map((name) => {
    const button = make("button", "choice", text(name));
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      const right = text("right") === name;
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      answer.hidden = false;
      answer.textContent = `${say(right ? "lesson.yes" : "lesson.no")} ${text("answer")}`;
    });
    return button;
  });
  const scene = make("button", "primary", say("lesson.scene"));
  scene.setAttribute("type", "button");
  scene.addEventListener("click", () => open(SCENES[lesson - 1]));
  const leave = make("button", "close", say("close"));
  leave.setAttribute("type", "button");
  leave.addEventListener("click", close);
  root.replaceChildren(
    make("div", "card-head", make("h2", "", text("title")), leave),
    make("p", "", text("text")),
    make("p", "question", make("strong", "", text("question"))),
    make("div", "choices", ...buttons),
    answer,
    scene,
  );
}
