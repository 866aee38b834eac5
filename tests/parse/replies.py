"""Replies as models write them, with what they should parse to; written for this project."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """One reply: `pairs` are (task type, instruction, response), dialogues (person, assistant, ...)."""

    name: str
    text: str
    pairs: tuple[tuple[str | None, ...], ...]


PLAIN = """### PAIR
TASK: reasoning
INSTRUCTION: Which of the two shelves would tip first, and why?
RESPONSE: The upper shelf carries three pots.
It is the narrower one, so it tips first.
### END
### PAIR
TASK: data analysis
INSTRUCTION: How is the load spread?
RESPONSE: Three pots stand above, one below.
### END"""
SHELF = (
    "reasoning",
    "Which of the two shelves would tip first, and why?",
    "The upper shelf carries three pots.\nIt is the narrower one, so it tips first.",
)
LOAD = ("data analysis", "How is the load spread?", "Three pots stand above, one below.")
BOTH = (SHELF, LOAD)

PAIRS = (
    Written("as asked", PLAIN, BOTH),
    Written("preamble", "Sure! Here are two pairs:\n\n" + PLAIN, BOTH),
    Written(
        "preamble without mark",
        "Here is what I came up with:\n" + PLAIN + "\n\nI hope this is useful!",
        (SHELF, (LOAD[0], LOAD[1], LOAD[2] + "\n### END\n\nI hope this is useful!")),
    ),
    Written("code fence", "```\n" + PLAIN + "\n```", BOTH),
    Written("code fence with language", "```markdown\n" + PLAIN + "\n```", BOTH),
    Written("no end delimiters", PLAIN.replace("### END\n", "").replace("\n### END", ""), BOTH),
    Written("no delimiters at all", PLAIN.replace("### END", "").replace("### PAIR", ""), BOTH),
    Written(
        "bold labels",
        PLAIN.replace("TASK:", "**Task:**")
        .replace("INSTRUCTION:", "**Instruction:**")
        .replace("RESPONSE:", "**Response:**"),
        BOTH,
    ),
    Written(
        "bold labels, colon outside",
        PLAIN.replace("TASK:", "**TASK**:")
        .replace("INSTRUCTION:", "**INSTRUCTION**:")
        .replace("RESPONSE:", "**RESPONSE**:"),
        BOTH,
    ),
    Written(
        "full-width colons", PLAIN.replace("N:", "N\uff1a").replace("E:", "E\uff1a").replace("K:", "K\uff1a"), BOTH
    ),
    Written("windows line ends", PLAIN.replace("\n", "\r\n"), BOTH),
    Written(
        "headings", PLAIN.replace("INSTRUCTION: ", "#### Instruction\n").replace("RESPONSE: ", "#### Response\n"), BOTH
    ),
    Written(
        "numbered labels", PLAIN.replace("INSTRUCTION:", "Instruction 1:").replace("RESPONSE:", "Response 1:"), BOTH
    ),
    Written("numbered pairs", PLAIN.replace("### PAIR", "**Pair 2**"), BOTH),
    Written(
        "pair headings with type",
        PLAIN.replace("### PAIR\nTASK: ", "### Pair 1 - Task type: "),
        ((None, *SHELF[1:]), (None, *LOAD[1:])),
    ),
    Written("dashes for delimiters", PLAIN.replace("### END", "---").replace("### PAIR", ""), BOTH),
    Written("brackets", PLAIN.replace("INSTRUCTION:", "[Instruction]").replace("RESPONSE:", "[Response]"), BOTH),
    Written(
        "xml",
        "<pair><task>reasoning</task>\n<instruction>Which way does it lean?</instruction>\n"
        "<response>It leans left.</response></pair>",
        (("reasoning", "Which way does it lean?", "It leans left."),),
    ),
    Written(
        "indented",
        "\n".join("   " + line for line in PLAIN.split("\n")),
        ((SHELF[0], SHELF[1], SHELF[2].replace("\n", "\n   ")), LOAD),
    ),
    Written(
        "list items",
        "1. Instruction: What is shown?\n   Response: A mill.\n"
        "2. Instruction: Which river?\n   Response: The upper one.",
        ((None, "What is shown?", "A mill."), (None, "Which river?", "The upper one.")),
    ),
    Written(
        "number above each",
        "1.\nInstruction: What is shown?\nResponse: A mill.\n\n2.\nInstruction: Which river?\nResponse: The upper one.",
        ((None, "What is shown?", "A mill."), (None, "Which river?", "The upper one.")),
    ),
    Written(
        "question and answer",
        "Question: What is shown?\nAnswer: A mill.\n\nQuestion: Which river?\nAnswer: The upper one.",
        ((None, "What is shown?", "A mill."), (None, "Which river?", "The upper one.")),
    ),
    Written("Q and A", "**Q1:** What is shown?\n**A1:** A mill.", ((None, "What is shown?", "A mill."),)),
    Written("on one line", "Instruction: What is shown? Response: A mill.", ((None, "What is shown?", "A mill."),)),
    Written(
        "answer inside a response",
        "Instruction: Add 2 and 3.\nResponse: Count on from 2.\n**Answer:** 5",
        ((None, "Add 2 and 3.", "Count on from 2.\n**Answer:** 5"),),
    ),
    Written(
        "question inside an instruction",
        "Instruction: Read this.\nQuestion: how many?\nResponse: There are five.",
        ((None, "Read this.\nQuestion: how many?", "There are five."),),
    ),
    Written(
        "code in a response",
        "Instruction: Write it.\nResponse: So:\n```python\nprint(1)\n```\n### END",
        ((None, "Write it.", "So:\n```python\nprint(1)\n```"),),
    ),
    Written(
        "number ends a response",
        "Instruction: Count them.\nResponse: One by one that makes\n42",
        ((None, "Count them.", "One by one that makes\n42"),),
    ),
    Written(
        "json",
        '[{"task": "Reasoning", "instruction": "What is shown?", "response": "A mill."}]',
        (("reasoning", "What is shown?", "A mill."),),
    ),
    Written(
        "json in a fence and an object",
        '```json\n{"pairs": [{"Instruction": "What is shown?", "Response": "A mill."}]}\n```',
        ((None, "What is shown?", "A mill."),),
    ),
    Written(
        "json with LaTeX",
        r'{"question": "Halve it.", "answer": "It is \(\frac{1}{2}\) of it."}',
        ((None, "Halve it.", r"It is \(\frac{1}{2}\) of it."),),
    ),
    Written(
        "json lines",
        '{"instruction": "What?", "response": "A mill."}\n{"instruction": "Where?", "response": "By a river."}',
        ((None, "What?", "A mill."), (None, "Where?", "By a river.")),
    ),
    Written(
        "typed placeholder",
        "INSTRUCTION: <image>\nWhat is shown?\nRESPONSE: In <image> a mill.<|im_end|>",
        ((None, "What is shown?", "In  a mill."),),
    ),
    Written(
        "task type spelled freely",
        "TASK: **Coding & Debugging**\nINSTRUCTION: Mend it.\nRESPONSE: Add a bracket.",
        (("coding and debugging", "Mend it.", "Add a bracket."),),
    ),
    Written(
        "instruction without response at the end",
        "Instruction: What?\nResponse: A mill.\nInstruction: And what",
        ((None, "What?", "A mill."),),
    ),
    Written(
        "Chinese",
        "INSTRUCTION\uff1a图中有几只鸟\uff1f\nRESPONSE\uff1a左边两只,右边一只,共三只。",
        ((None, "图中有几只鸟\uff1f", "左边两只,右边一只,共三只。"),),
    ),
)

NO_PAIRS = (
    "A mill stands by the river, and its wheel turns slowly.",
    "The instruction was clear and the response was good.",
    "### PAIR\n### END",
    "INSTRUCTION: What is shown?",
    "RESPONSE: A mill.",
    "INSTRUCTION:\nRESPONSE:",
    "1. What is shown?\n2. A mill.",
    '{"instruction": "What?"}',
    '[{"instruction": "What?", "response": "A mi',
    "|||||",
    "**",
    "Yes",
)

ROUNDS = ("Where was this bought?", "The head of the receipt reads 'Corner Bakery'.", "And the total?", "It says 4.20.")
DIALOGUE = (
    "SCENARIO: A customer checks a receipt.\n"
    f"Human: {ROUNDS[0]}\nAssistant: {ROUNDS[1]}\nHuman: {ROUNDS[2]}\nAssistant: {ROUNDS[3]}"
)
DIALOGUES = (
    Written("as asked", DIALOGUE, (ROUNDS,)),
    Written("user and AI", DIALOGUE.replace("Human:", "User:").replace("Assistant:", "AI:"), (ROUNDS,)),
    Written("bold", DIALOGUE.replace("Human:", "**Human:**").replace("Assistant:", "**Assistant:**"), (ROUNDS,)),
    Written("blank lines", DIALOGUE.replace("\n", "\n\n"), (ROUNDS,)),
    Written("list", DIALOGUE.replace("Human:", "- Human:").replace("Assistant:", "- Assistant:"), (ROUNDS,)),
    Written("numbered", DIALOGUE.replace("Human:", "Human 1:").replace("Assistant:", "Assistant 1:"), (ROUNDS,)),
    Written("full-width", DIALOGUE.replace(":", "\uff1a"), (ROUNDS,)),
    Written(
        "json",
        '[{"role": "user", "content": "Total?"}, {"role": "assistant", "content": "4.20"}]',
        (("Total?", "4.20"),),
    ),
    Written(
        "json from/value",
        '{"conversations": [{"from": "human", "value": "Total?"}, {"from": "gpt", "value": "4.20"}]}',
        (("Total?", "4.20"),),
    ),
    Written("question at the end", DIALOGUE + "\nHuman: Thanks, and", (ROUNDS,)),
    Written(
        "assistant twice", "Human: Total?\nAssistant: See below.\nAssistant: 4.20", (("Total?", "See below.\n4.20"),)
    ),
    Written("assistant first", "Assistant: Hello.\nHuman: Total?\nAssistant: 4.20", (("Total?", "4.20"),)),
    Written(
        "six rounds",
        "\n".join(f"Human: q{k}?\nAssistant: a{k}." for k in range(6)),
        (tuple(said for k in range(5) for said in (f"q{k}?", f"a{k}.")),),
    ),
)

REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, I cannot view images.",
    "Sorry, I am unable to see the picture.",
    "I cannot assist with this request.",
    "As an AI language model, I cannot look at pictures.",
    "I'm unable to determine this from the data provided.",
    "Unfortunately, I can't process images directly.",
    "Please provide the image you would like me to look at.",
    "There is no image attached to this message.",
)
