// A guess before reading on: each choice is a button for one of several, and what is said of it comes when it is taken.
for (const quiz of document.querySelectorAll(".quiz")) {
  const [choices, replies] = quiz.querySelectorAll(":scope > ol, :scope > details > ol");
  const said = document.createElement("div");
  said.setAttribute("role", "status");
  said.append(...replies.children);
  quiz.querySelector("details").replaceWith(said);
  const answers = [...said.children].map((item) => {
    const reply = document.createElement("div");
    reply.append(...item.childNodes);
    reply.className = reply.textContent.trim().startsWith("Yes") ? "right" : "wrong";
    reply.hidden = true;
    item.replaceWith(reply);
    return reply;
  });
  choices.setAttribute("role", "radiogroup");
  choices.setAttribute("aria-label", "Your guess");
  [...choices.children].forEach((item, number) => {
    const radio = document.createElement("input");
    const label = document.createElement("label");
    radio.type = "radio";
    radio.name = quiz.id;
    label.append(radio, ...item.firstElementChild.childNodes);
    item.replaceChildren(label);
    item.setAttribute("role", "presentation");
    radio.addEventListener("change", () => answers.forEach((reply, other) => { reply.hidden = other !== number; }));
  });
}
