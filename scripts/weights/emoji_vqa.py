#!/usr/bin/env python3
"""emoji_vqa.py: build a real, freely licensed image-question data set from emoji artwork.

The same ~1,280 concepts are drawn in different styles by independent vendors (Noto, Fluent 3D, OpenMoji, Twemoji), so a
vision-language model trained on some vendors' drawings can be tested honestly on a vendor it never saw, and on concepts
it never saw. Everything is deterministic for a given --seed and the same package versions.

Get the packages (ordinary npm client), then build and check:

    mkdir pk && cd pk
    for p in emoji-datasource@16.0.0 emoji-datasource-google@16.0.0 openmoji@17.0.0 @lobehub/fluent-emoji-3d@1.1.0 \\
             cldr-annotations-full@48.2.0 cldr-annotations-derived-full@48.2.0; do npm pack $p; done
    for f in *.tgz; do mkdir -p "${f%.tgz}" && tar -xzf "$f" -C "${f%.tgz}" --strip-components=1; done   # one folder each
    pip install pillow pyarrow datasets resvg_py          # resvg_py: OpenMoji ships SVG only; datasets: only for --rows
    python emoji_vqa.py --packages pk --out data --rows 4000
    python emoji_vqa.py --verify data

Apple's and Facebook's artwork (also inside emoji-datasource) is not freely licensed and is never read here.
Licences and attribution: README.md beside this file. OpenMoji (and so any image made from it) is CC BY-SA 4.0.

Splits
  concepts  sha256 of the code point, fixed whatever the seed: ~80 % train, ~10 % dev, ~10 % test. A dev or test concept
            never occurs in a train image or text; a test concept never in a dev file either.
  vendors   --train-vendors (default noto,fluent), --dev-vendor (default openmoji), --test-vendor (default: none; the test
            file is written only if it is given and its package is there). twemoji is best kept for the
            last measurement: never train on it or choose by it.
  layouts   canvases with several objects: a quarter of the cell combinations is kept out of the train set.

Output (--out DIR)
  images/<codepoint>_<vendor>.png, images/canvas_*.png   RGB PNG, --size px, on white (canvases: also on a tint)
  align.json, tune.json          LLaVA stage 1 (captions) and stage 2 (instructions); extra keys: source, concepts, kind
  emoji_dev_en.tsv, emoji_dev_cn.tsv, emoji_test_en.tsv, emoji_test_cn.tsv
                                 MMBench columns; circular rows: index = base + k*1000000, options shifted left by one per
                                 pass; image of a circular row = the base row's index (--inline-images repeats the image).
                                 comment = unseen_vendor | unseen_concept | unseen_layout; source = vendor
  emoji_*_meta.jsonl             concepts, vendor, layout and kind of every base row (for the leakage check)
  emoji_pope_en.tsv, .jsonl      POPE-style yes/no (category random | popular | adversarial), images inline
  arrow_align/, arrow_tune/      `datasets` save_to_disk: Arrow IPC stream shards, Image feature with the bytes embedded
  manifest.json                  concepts with names (en, zh), splits, vendors, counts, options
"""
import argparse, base64, collections, csv, hashlib, io, json, math, os, random, re, sys

try:
    from PIL import Image, ImageDraw, ImageFilter
except ImportError:
    sys.exit("emoji_vqa.py needs Pillow (pip install pillow)")

csv.field_size_limit(1 << 30)
SALT = "emoji-vqa-v1"
LETTERS = "ABCD"
COLUMNS = ["index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source", "l2-category",
           "comment", "split"]
CP, FPS, FPC = "coarse_perception", "finegrained_perception (instance-level)", "finegrained_perception (cross-instance)"
LR, RR, AR = "logic_reasoning", "relation_reasoning", "attribute_reasoning"
MC_SUFFIX = "\nAnswer with the option's letter from the given choices directly."
SHORT_SUFFIX = "\nAnswer the question using a single word or phrase."

# ------------------------------------------------------------------------------------------------ vocabulary (en, zh)
TINTS = {"red": ((226, 60, 55), "红色"), "orange": ((245, 146, 40), "橙色"), "yellow": ((250, 218, 70), "黄色"),
         "green": ((80, 176, 85), "绿色"), "blue": ((66, 120, 220), "蓝色"), "purple": ((146, 84, 190), "紫色"),
         "pink": ((246, 164, 196), "粉色"), "brown": ((134, 90, 54), "棕色"), "gray": ((150, 150, 150), "灰色"),
         "black": ((22, 22, 22), "黑色"), "white": ((255, 255, 255), "白色")}
CATEGORIES = {"Smileys & Emotion": ("smileys", "faces and emotions", "表情与情感"),
              "People & Body": ("people-body", "people and body", "人物与身体"),
              "Animals & Nature": ("animals-nature", "animals and nature", "动物与自然"),
              "Food & Drink": ("food-drink", "food and drink", "食物与饮料"),
              "Travel & Places": ("travel-places", "travel and places", "旅行与地点"),
              "Activities": ("activities", "activities", "活动"),
              "Objects": ("objects", "objects", "物品"),
              "Symbols": ("symbols", "symbols", "符号"),
              "Flags": ("flags", "flags", "旗帜")}
TOPICS = [  # (en, zh, subcategories, names left out)
    ("an animal", "动物", {"animal-mammal", "animal-bird", "animal-marine", "animal-reptile", "animal-bug", "animal-amphibian"},
     {"paw prints", "feather", "wing", "spider web", "microbe", "coral", "pig nose", "spiral shell"}),
    ("a plant", "植物", {"plant-flower", "plant-other"}, {"empty nest", "nest with eggs", "rosette", "mushroom"}),
    ("something to eat", "吃的东西", {"food-fruit", "food-vegetable", "food-prepared", "food-asian", "food-sweet"},
     {"cooking", "pot of food", "salt", "bowl with spoon"}),
    ("something to drink", "喝的东西", {"drink"}, {"ice", "baby bottle"}),
    ("a vehicle", "交通工具", {"transport-ground", "transport-air", "transport-water"},
     {"station", "bus stop", "horizontal traffic light", "vertical traffic light", "construction", "police car light",
      "stop sign", "wheel", "oil drum", "motorway", "railway track", "fuel pump", "seat", "ring buoy", "anchor", "satellite",
      "parachute", "roller skate", "skateboard", "manual wheelchair", "motorized wheelchair", "suspension railway"}),
    ("a building", "建筑物", {"place-building", "place-religious"},
     {"building construction", "brick", "rock", "wood", "kaaba", "shinto shrine", "Statue of Liberty", "wedding"}),
    ("the weather or the sky", "天气或天空", {"sky & weather"},
     {"closed umbrella", "umbrella", "umbrella with rain drops", "umbrella on ground", "thermometer", "fire", "droplet",
      "water wave", "snowman", "snowman without snow", "high voltage"}),
    ("a musical instrument", "乐器", {"musical-instrument"}, set()),
    ("something to wear", "穿戴的东西", {"clothing"},
     {"purse", "handbag", "clutch bag", "shopping bags", "backpack", "lipstick", "gem stone", "prayer beads",
      "folding hand fan", "hair pick"}),
    ("a tool", "工具", {"tool"}, {"bow and arrow", "bomb", "link", "dagger", "shield", "white cane", "magnet", "boomerang",
                               "hook", "crossed swords", "balance scale", "gear", "broken chain", "chains", "nut and bolt"}),
    ("a face", "脸", {"face-smiling", "face-affection", "face-concerned", "face-neutral-skeptical", "face-negative",
                    "face-tongue", "face-unwell", "face-sleepy", "face-hand", "face-glasses", "face-hat"},
     {"skull", "skull and crossbones"}),
    ("a person at work or play", "工作或运动的人", {"person-role", "person-sport"}, set()),
    ("a hand gesture", "手势", {"hand-fingers-closed", "hand-fingers-open", "hand-fingers-partial", "hand-single-finger",
                            "hands"}, set()),
    ("an arrow", "箭头", {"arrow"}, {"clockwise vertical arrows", "counterclockwise arrows button"}),
    ("something for sport", "体育用品", {"sport"}, {"running shirt", "martial arts uniform"}),
    ("a heart", "爱心", {"heart"}, {"love letter", "heart exclamation"}),
]
EMOTIONS = [
    ("happy", "开心", ["grinning face", "beaming face with smiling eyes", "grinning face with big eyes",
                     "grinning face with smiling eyes", "grinning squinting face", "smiling face with smiling eyes",
                     "slightly smiling face", "face with tears of joy", "rolling on the floor laughing", "smiling face",
                     "grinning cat", "grinning cat with smiling eyes", "cat with tears of joy", "partying face"]),
    ("sad", "难过", ["crying face", "loudly crying face", "disappointed face", "frowning face", "slightly frowning face",
                   "crying cat", "pensive face", "sad but relieved face"]),
    ("angry", "生气", ["angry face", "enraged face", "face with steam from nose", "angry face with horns",
                     "face with symbols on mouth", "pouting cat"]),
    ("afraid", "害怕", ["fearful face", "face screaming in fear", "anxious face with sweat", "anguished face"]),
    ("surprised", "惊讶", ["astonished face", "hushed face", "face with open mouth", "exploding head"]),
    ("in love", "爱慕", ["smiling face with heart-eyes", "face blowing a kiss", "smiling face with hearts",
                       "smiling cat with heart-eyes", "kissing face with closed eyes", "kissing cat"]),
    ("ill", "生病", ["face with medical mask", "face with thermometer", "nauseated face", "face vomiting", "sneezing face",
                   "face with head-bandage"]),
    ("tired", "困倦", ["sleepy face", "sleeping face", "yawning face", "weary face", "tired face"]),
    ("playful", "调皮", ["face with tongue", "winking face with tongue", "zany face", "squinting face with tongue"]),
]
SCENE_SUBS = {"place-building", "place-geographic", "place-religious", "place-other", "sky & weather"}
SCENE_NOT = {"building construction", "brick", "rock", "wood", "barber pole", "carousel horse", "playground slide",
             "closed umbrella", "umbrella", "umbrella with rain drops", "umbrella on ground", "thermometer", "droplet",
             "snowman", "snowman without snow", "high voltage", "wind face", "new moon face", "full moon face",
             "first quarter moon face", "last quarter moon face", "sun with face", "star", "glowing star", "fire",
             "snowflake", "kaaba"}
JOBS = {"police officer", "construction worker", "guard", "detective", "farmer", "cook", "student", "singer", "artist",
        "teacher", "factory worker", "technologist", "office worker", "mechanic", "scientist", "astronaut", "firefighter",
        "health worker", "judge", "pilot", "ninja"}
WHEELED = ["motorcycle", "racing car", "bus", "oncoming bus", "trolleybus", "minibus", "ambulance", "fire engine",
           "police car", "oncoming police car", "taxi", "oncoming taxi", "automobile", "oncoming automobile",
           "sport utility vehicle", "delivery truck", "articulated lorry", "tractor", "bicycle", "kick scooter",
           "motor scooter", "skateboard", "auto rickshaw", "pickup truck", "roller skate", "shopping cart"]
EATEN = ["tomato", "grapes", "melon", "watermelon", "tangerine", "lemon", "lime", "banana", "pineapple", "red apple",
         "green apple", "pear", "peach", "cherries", "strawberry", "kiwi fruit", "mango", "blueberries", "hot dog", "taco",
         "burrito", "hamburger", "pizza", "bread", "french fries", "croissant", "bacon", "sandwich", "bagel", "pretzel",
         "pancakes", "waffle", "carrot", "broccoli", "cucumber", "potato", "ear of corn", "sushi", "rice ball", "dumpling",
         "doughnut", "cookie", "chocolate bar", "shortcake", "birthday cake", "pie", "cupcake", "soft ice cream", "ice cream",
         "cheese wedge", "steaming bowl", "spaghetti", "green salad", "popcorn", "falafel"]
WORN = ["graduation cap", "top hat", "crown", "woman’s hat", "glasses", "necktie", "t-shirt", "jeans", "dress", "kimono",
        "bikini", "woman’s clothes", "man’s shoe", "running shoe", "high-heeled shoe", "woman’s sandal", "woman’s boot",
        "ring", "sunglasses", "sari", "lab coat", "goggles", "hiking boot", "flat shoe", "safety vest", "billed cap",
        "scarf", "gloves", "coat", "socks", "ballet shoes", "one-piece swimsuit", "briefs", "shorts", "thong sandal"]
FUNCTIONS = [
    ("making music", "演奏音乐", ["saxophone", "guitar", "musical keyboard", "trumpet", "violin", "drum", "maracas", "flute",
                             "harp", "banjo", "accordion", "long drum"]),
    ("driving on the road", "在路上行驶", [n for n in WHEELED if n not in ("skateboard", "roller skate", "shopping cart")]),
    ("flying through the air", "在空中飞行", ["helicopter", "small airplane", "airplane departure", "airplane arrival",
                                      "airplane", "rocket", "parachute", "flying saucer"]),
    ("travelling on water", "在水上航行", ["ship", "speedboat", "motor boat", "passenger ship", "canoe", "ferry", "sailboat"]),
    ("building or repairing things", "建造或修理", ["wrench", "hammer", "screwdriver", "axe", "pick", "carpentry saw", "shovel",
                                          "hammer and wrench", "hammer and pick", "toolbox", "nut and bolt", "ladder"]),
    ("treating sick people", "治疗病人", ["syringe", "pill", "adhesive bandage", "stethoscope", "x-ray", "crutch"]),
    ("writing or drawing", "写字或画画", ["pen", "fountain pen", "paintbrush", "crayon", "pencil", "black nib", "memo"]),
    ("eating as food", "食用", EATEN),
    ("wearing on the body", "穿戴在身上", WORN),
    ("telling the time", "看时间", ["mantelpiece clock", "watch", "hourglass done", "alarm clock", "stopwatch", "timer clock",
                              "hourglass not done"]),
    ("taking pictures or films", "拍照或拍电影", ["camera", "camera with flash", "video camera", "movie camera"]),
    ("giving light", "照明", ["light bulb", "flashlight", "candle", "diya lamp", "red paper lantern"]),
    ("cleaning", "清洁", ["broom", "soap", "sponge", "toothbrush", "plunger", "lotion bottle", "bathtub", "shower"]),
    ("paying for things", "付款", ["money bag", "credit card", "yen banknote", "dollar banknote", "euro banknote",
                             "pound banknote", "coin"]),
    ("playing ball games", "球类运动", ["basketball", "american football", "rugby football", "volleyball", "tennis",
                                 "soccer ball", "baseball", "softball", "cricket game", "ping pong", "bowling"]),
    ("locking or unlocking", "上锁或开锁", ["key", "old key", "locked", "unlocked", "locked with key"]),
]
PROPERTIES = [
    ("It lives in water.", "它生活在水里。", ["whale", "octopus", "fish", "tropical fish", "blowfish", "dolphin", "spouting whale",
                                     "shark", "squid", "lobster", "jellyfish", "shrimp", "oyster"]),
    ("It has feathers.", "它有羽毛。", ["rooster", "chicken", "black bird", "bird", "penguin", "dove", "turkey", "eagle", "duck",
                                  "owl", "peacock", "parrot", "swan", "dodo", "flamingo", "goose"]),
    ("It has six or more legs.", "它有六条或更多的腿。", ["ant", "honeybee", "lady beetle", "spider", "scorpion", "butterfly",
                                            "cricket", "mosquito", "beetle", "cockroach", "fly"]),
    ("It has fur and four legs.", "它有毛和四条腿。", ["tiger", "leopard", "rabbit", "black cat", "cat", "horse", "goat", "dog",
                                             "poodle", "service dog", "guide dog", "hamster", "wolf", "bear", "fox", "deer",
                                             "lion", "raccoon", "badger", "beaver", "bison", "moose", "donkey", "camel",
                                             "llama", "skunk", "chipmunk", "panda", "polar bear", "koala", "giraffe",
                                             "zebra", "mouse", "rat", "ox", "cow", "water buffalo"]),
    ("It moves on wheels.", "它靠轮子移动。", WHEELED),
    ("People eat it.", "人们吃它。", EATEN),
    ("People wear it.", "人们穿戴它。", WORN),
    ("It is made of paper.", "它是纸做的。", ["page with curl", "page facing up", "bookmark tabs", "notebook", "closed book",
                                     "open book", "green book", "blue book", "orange book", "books", "newspaper", "receipt",
                                     "rolled-up newspaper", "envelope", "scroll", "spiral notepad", "roll of paper"]),
    ("It needs electricity.", "它需要用电。", ["laptop", "desktop computer", "printer", "television", "light bulb", "elevator",
                                       "mobile phone", "fax machine", "computer mouse", "radio", "flashlight", "pager",
                                       "video game", "film projector", "electric plug", "video camera"]),
    ("It grows in the ground.", "它长在地里。", ["tulip", "rose", "sunflower", "seedling", "evergreen tree", "deciduous tree",
                                         "palm tree", "cactus", "hyacinth", "leafless tree", "blossom", "hibiscus",
                                         "sheaf of rice", "herb"]),
]
NATURE_KIN = [{"animal-mammal"}, {"animal-bird"}, {"animal-marine"}, {"animal-reptile"}, {"animal-bug"},
              {"plant-flower", "plant-other"}]
THING_KIN = [{"musical-instrument"}, {"clothing"}, {"tool"}, {"transport-ground"}, {"transport-air"}, {"transport-water"}, {"sport"},
             {"drink"}, {"food-sweet"}, {"computer"}, {"medical"}, {"writing"}, {"money"}, {"place-building"}, {"food-fruit"}]
KIN_NOT = set().union(*(t[3] for t in TOPICS)) | {
    "whale", "spouting whale", "dolphin", "seal", "otter", "unicorn", "phoenix", "dragon", "dragon face", "worm", "snail", "hook",
    "clamp", "receipt", "chart increasing with yen", "flag in hole", "goal net", "battery", "low battery", "electric plug", "abacus",
    "memo", "honey pot", "x-ray", "drop of blood", "hamster", "pig nose", "roasted sweet potato", "white cane", "fishing pole",
    "diving mask", "martial arts uniform", "running shirt", "military helmet", "rescue worker’s helmet", "money with wings"}
CANVAS_SUBS = {"animal-mammal", "animal-bird", "animal-marine", "animal-reptile", "animal-bug", "animal-amphibian",
               "plant-flower", "plant-other", "food-fruit", "food-vegetable", "food-prepared", "food-sweet", "food-asian",
               "drink", "transport-ground", "transport-air", "transport-water", "place-building", "musical-instrument",
               "clothing", "tool", "office", "sport", "game", "household", "computer", "light & video", "book-paper", "phone",
               "time", "writing", "medical", "science", "event"}
CANVAS_NOT = {"wheel", "motorway", "railway track", "construction", "rock", "brick", "wood", "fog", "bubbles", "beans",
              "pouring liquid", "link", "chains", "leaf fluttering in wind", "chart increasing", "chart decreasing",
              "sparkles", "confetti ball", "fireworks", "sparkler", "spider web", "microbe", "phoenix", "police car light"}
DROP_NAMES = {"middle finger", "small airplane", "cat face", "new moon", "full moon", "snowman without snow",
              "speaker medium volume"} | {
    f"{c} {s}" for c in ("black", "white") for s in ("small square", "medium square", "medium-small square")} | {
    "small orange diamond", "small blue diamond", "copyright", "registered", "trade mark", "family"}
UNCOUNTABLE = {"broccoli", "garlic", "salt", "butter", "bacon", "popcorn", "bread", "ice", "fire", "fog", "spaghetti", "sushi",
               "soap", "dna", "wood", "lacrosse", "badminton", "baseball", "money with wings", "oden", "dango", "custard",
               "yarn", "thread", "cooked rice", "curry rice", "bubble tea", "sake", "baguette bread", "flatbread",
               "shaved ice", "soft ice cream", "ice cream", "mate", "coral", "tennis", "bowling", "ping pong", "field hockey",
               "ice hockey", "volleyball", "softball", "american football", "rugby football", "ZZZ", "infinity", "restroom",
               "customs", "passport control", "baggage claim", "left luggage", "pouring liquid", "luggage", "horse racing",
               "shrimp", "cheese wedge", "performing arts", "mount fuji", "potable water", "non-potable water", "sunrise",
               "sunset", "night with stars", "sunrise over mountains", "cityscape at dusk", "bridge at night", "foggy",
               "leafy green", "ginger root", "high voltage", "milky way", "cooking", "locked", "unlocked", "locked with pen",
               "locked with key", "camping", "prohibited", "dizzy", "multiply", "divide", "breast-feeding", "star-struck",
               "rolling on the floor laughing", "dashing away", "construction", "building construction", "radioactive",
               "nail polish", "canned food", "palms up together", "meat on bone", "mobile phone off", "wireless"}
PROPER = re.compile(r"^(Santa|Mrs|Mx|Tokyo|Statue|Aries|Taurus|Gemini|Cancer|Leo|Virgo|Libra|Scorpio|Sagittarius|Capricorn|"
                    r"Aquarius|Pisces|Ophiuchus|no |women’s|men’s)")


def plural(name):
    if name in UNCOUNTABLE or PROPER.match(name) or name.startswith(("face ", "person ", "hand ", "globe ")):
        return False
    head = re.split(r" with | without | of | in | on | over | behind ", name)[0]
    return name == "skis" or name.startswith("people ") or (
        head.endswith("s") and not head.endswith(("ss", "us", "is")) and head not in ("lens", "rhinoceros", "thumbs up"))


def article(name):
    """'red apple' -> 'a red apple' (rough English; no article for plurals, mass nouns and proper names)."""
    if name in UNCOUNTABLE or PROPER.match(name) or name.startswith("mount ") or plural(name):
        return name
    an = (name[0].lower() in "aeiou" and not re.match(r"(uni|one-|u[ts]i|eu|ewe)", name.lower())) or name.startswith(("hour", "x-ray"))
    return ("an " if an else "a ") + name


def is_there(name):
    return ("Are there " if plural(name) else "Is there ") + article(name)


def sha(s):
    return int(hashlib.sha256(s.encode()).hexdigest()[:12], 16)


# ------------------------------------------------------------------------------------------------------------ sources
def find_package(root, *names):
    for n in sorted(os.listdir(root)):
        p = os.path.join(root, n)
        if os.path.isdir(p) and any(re.fullmatch(re.escape(x) + r"(-\d[\w.]*)?", n) for x in names):
            return os.path.join(p, "package") if os.path.isdir(os.path.join(p, "package")) else p
    return None


class Art:
    """The vendors' drawings as RGBA, at their native size."""

    def __init__(self, root):
        self.noto = find_package(root, "emoji-datasource-google")
        self.twemoji = find_package(root, "emoji-datasource-twitter")
        self.openmoji = find_package(root, "openmoji")
        self.fluent = find_package(root, "lobehub-fluent-emoji-3d", "fluent-emoji-3d")
        self.cache, self.trims, self.twins = {}, {}, set()

    def find_twins(self, concepts, limit=1.2):
        """Pairs of the same subcategory that some vendor draws almost alike: never answer and distractor together."""
        by = collections.defaultdict(list)
        for c in concepts:
            by[c.sub].append(c)
        for v in self.vendors():
            for cs in by.values():
                th = [(c, single(self, c.cp, v, 64).resize((8, 8), Image.BOX).tobytes()) for c in cs]
                for i, (c, x) in enumerate(th):
                    for d, y in th[i + 1:]:
                        if sum(abs(p - q) for p, q in zip(x, y)) < limit * len(x):
                            self.twins |= {(c.cp, d.cp), (d.cp, c.cp)}

    def vendors(self):
        return [v for v in ("noto", "fluent", "openmoji", "twemoji") if getattr(self, v)]

    def path(self, cp, vendor):
        base = getattr(self, vendor)
        bare = "-".join(x for x in cp.split("-") if x != "fe0f")
        if vendor == "noto":
            cand = [f"img/google/64/{cp}.png"]
        elif vendor == "twemoji":
            cand = [f"img/twitter/64/{cp}.png"]
        elif vendor == "fluent":
            cand = [f"assets/{cp}.webp", f"assets/{bare}.webp"]
        else:
            cand = [f"color/{d}/{n.upper()}.{e}" for d, e in (("72x72", "png"), ("svg", "svg")) for n in (cp, bare)]
        for c in cand:
            if os.path.exists(os.path.join(base, c)):
                return os.path.join(base, c)
        return None

    def get(self, cp, vendor):
        k = (cp, vendor)
        if k not in self.cache:
            p = self.path(cp, vendor)
            if p.endswith(".svg"):
                import resvg_py
                im = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_path=p, width=144, height=144))))
            else:
                im = Image.open(p)
            self.cache[k] = im.convert("RGBA")
        return self.cache[k]

    def trim(self, cp, vendor):
        """Cut to the visible box and pad to a square: the object's drawn size is then what the canvas says."""
        k = (cp, vendor)
        if k not in self.trims:
            im = self.get(cp, vendor)
            box = im.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox() or (0, 0) + im.size
            im = im.crop(box)
            s = max(im.size)
            out = Image.new("RGBA", (s, s), (0, 0, 0, 0))
            out.paste(im, ((s - im.width) // 2, (s - im.height) // 2))
            self.trims[k] = out
        return self.trims[k]


class Concept:
    __slots__ = ("cp", "en", "zh", "cat", "sub", "split", "short", "colour", "char")

    def name(self, lang):
        return self.en if lang == "en" else self.zh


def load_annotations(root, lang):
    out = {}
    for pkg, key in (("cldr-annotations-derived-full", "annotationsDerived"), ("cldr-annotations-full", "annotations")):
        p = find_package(root, pkg)
        if not p:
            sys.exit(f"package {pkg} not found under --packages")
        with open(os.path.join(p, key, lang, "annotations.json"), encoding="utf-8") as f:
            out.update(json.load(f)[key]["annotations"])
    return out


def load_concepts(root, art, flags=False):
    p = find_package(root, "emoji-datasource")
    if not p:
        sys.exit("package emoji-datasource not found under --packages")
    with open(os.path.join(p, "emoji.json"), encoding="utf-8") as f:
        emoji = json.load(f)
    en, zh = load_annotations(root, "en"), load_annotations(root, "zh")
    seen_en, seen_zh, out, dropped = set(), set(), [], collections.Counter()
    for e in sorted(emoji, key=lambda e: e["sort_order"]):
        cp = e["image"][:-4].lower()
        parts, cat, sub = cp.split("-"), e["category"], e["subcategory"]
        why = None
        if cat == "Component":
            why = "component"
        elif (cat == "Flags") != flags:
            why = "flag"
        elif sub in ("keycap", "alphanum"):
            why = "keycap or letter"
        elif "200d" in parts and (parts[-2:] in (["2640", "fe0f"], ["2642", "fe0f"]) or parts[0] in ("1f468", "1f469")
                                  or "27a1" in parts or parts[-1] in ("1f9b0", "1f9b1", "1f9b2", "1f9b3")):
            why = "gender, hair or direction variant"
        elif sub == "family" or e["name"].startswith("FAMILY"):
            why = "family"
        elif sub == "time" and 0x1F550 <= int(parts[0], 16) <= 0x1F567:
            why = "clock face"
        elif sub == "gender" or cp in ("1f46a",) or "family" in e["short_name"]:
            why = "gender sign or family"
        s = "".join(chr(int(x, 16)) for x in parts)
        a, b = (d.get(s) or d.get(s.replace("\ufe0f", "")) for d in (en, zh))
        if not why and not (a and b):
            why = "no CLDR name"
        if not why:
            na, nb = a["tts"][0], b["tts"][0]
            if na in DROP_NAMES:
                why = "ambiguous or unsuitable"
            elif na in seen_en or nb in seen_zh:
                why = "same name"
            elif any(v in art.vendors() and not art.path(cp, v) for v in ("noto", "fluent", "openmoji")) and not flags:
                why = "a vendor lacks it"
        if why:
            dropped[why] += 1
            continue
        c = Concept()
        c.cp, c.en, c.zh, c.cat, c.sub, c.short, c.char = cp, na, nb, cat, sub, e["short_name"], s
        h = sha(f"{SALT}:{cp}") % 10
        c.split = "test" if h == 0 else "dev" if h == 1 else "train"
        c.colour = {}
        seen_en.add(na)
        seen_zh.add(nb)
        out.append(c)
    return out, dropped


def main_colour(im):
    """Name of the one colour that clearly dominates a drawing, or None."""
    im = im.resize((24, 24), Image.BOX)
    px = [p for p in im.get_flattened_data() if p[3] > 160] if hasattr(im, "get_flattened_data") else \
        [p for p in im.getdata() if p[3] > 160]
    if len(px) < 40:
        return None
    n = collections.Counter()
    for r, g, b, _ in px:
        mx, mn = max(r, g, b), min(r, g, b)
        v, s = mx / 255, 0 if mx == 0 else (mx - mn) / mx
        if v < 0.2:
            n["black"] += 1
            continue
        if s < 0.12:
            n["white" if v > 0.88 else "gray"] += 1
            continue
        d = mx - mn
        h = ((g - b) / d) % 6 if mx == r else (b - r) / d + 2 if mx == g else (r - g) / d + 4
        h *= 60
        if 10 <= h < 45 and v < 0.62:
            n["brown"] += 1
        elif h < 15 or h >= 345:
            n["pink" if s < 0.5 and v > 0.75 else "red"] += 1
        elif h < 40:
            n["orange"] += 1
        elif h < 66:
            n["yellow"] += 1
        elif h < 170:
            n["green"] += 1
        elif h < 255:
            n["blue"] += 1
        elif h < 300:
            n["purple"] += 1
        else:
            n["pink" if v > 0.7 else "purple"] += 1
    name, k = n.most_common(1)[0]
    return name if k >= 0.68 * len(px) and name not in ("white", "gray", "black") else None


# ------------------------------------------------------------------------------------------------------------ drawing
def tint(rng, name):
    r, g, b = TINTS[name][0]
    if name == "white":
        return (255, 255, 255)
    j = 8
    if name in ("gray", "black"):
        d = rng.randint(-j, j)
        return (r + d, g + d, b + d)
    return tuple(max(0, min(255, x + rng.randint(-j, j))) for x in (r, g, b))


def single(art, cp, vendor, size, bg=(255, 255, 255), scale=1.0):
    im = Image.new("RGBA", (size, size), bg + (255,))
    a = art.get(cp, vendor)
    w = max(1, round(size * scale))
    a = a.resize((w, w), Image.LANCZOS) if a.size != (w, w) else a
    im.alpha_composite(a, ((size - w) // 2, (size - w) // 2))
    return im.convert("RGB")


def canvas(art, vendor, size, bg, places, lines=None, blank=None):
    """places: (codepoint, centre x, centre y, width), all as fractions of the canvas."""
    im = Image.new("RGBA", (size, size), bg + (255,))
    d = ImageDraw.Draw(im)
    ink = (0, 0, 0, 255) if sum(bg) > 330 else (255, 255, 255, 255)
    if lines:
        rows, cols = lines
        for i in range(rows + 1):
            y = min(size - 1, round(i * size / rows))
            d.line([(0, y), (size - 1, y)], fill=ink)
        for j in range(cols + 1):
            x = min(size - 1, round(j * size / cols))
            d.line([(x, 0), (x, size - 1)], fill=ink)
    if blank:  # the "?" cell: an empty box with a cross-hatch
        x0, y0, x1, y1 = (round(v * size) for v in blank)
        d.rectangle([x0, y0, x1, y1], fill=(128, 128, 128, 255), outline=ink)
        d.line([(x0, y0), (x1, y1)], fill=ink)
        d.line([(x0, y1), (x1, y0)], fill=ink)
    for cp, cx, cy, w in places:
        px = max(6, round(w * size))
        a = art.trim(cp, vendor).resize((px, px), Image.LANCZOS)
        x, y = round(cx * size - px / 2), round(cy * size - px / 2)
        im.alpha_composite(a, (max(0, min(size - px, x)), max(0, min(size - px, y))))
    return im.convert("RGB")


# pairs of cells of the 3x3 grid and blocks of four cells that only the dev and test files use
HELD_PAIRS = {(0, 2), (4, 5), (6, 7), (0, 3), (1, 7), (5, 8)}
HELD_BLOCKS = {(3, 5, 6, 8), (0, 1, 6, 7), (4, 5, 7, 8)}


def layout_held(cells):
    if len(cells) == 2:
        return tuple(sorted(cells)) in HELD_PAIRS
    return sha(f"{SALT}:layout:" + ",".join(map(str, sorted(cells)))) % 4 == 0


def pick_cells(rng, n, held, ok=lambda c: True):
    while True:
        cells = rng.sample(range(9), n)
        if ok(cells) and layout_held(cells) == held:
            return cells


def centre(cell, rng, jitter=0.02):
    return ((cell % 3 * 2 + 1) / 6 + rng.uniform(-jitter, jitter), (cell // 3 * 2 + 1) / 6 + rng.uniform(-jitter, jitter))


# ---------------------------------------------------------------------------------------------------- question makers
class Item:
    """One multiple-choice question, language-neutral: texts are {'en','zh'}; options[0] is the right one."""
    __slots__ = ("kind", "leaf", "l2", "q", "hint", "options", "image", "vendor", "concepts", "layout", "short", "hard")

    def __init__(self, kind, leaf, l2, q, options, image, vendor, concepts, layout="", hint=None, short=True, hard=""):
        self.kind, self.leaf, self.l2, self.q, self.options, self.image = kind, leaf, l2, q, options, image
        self.vendor, self.concepts, self.layout, self.hint, self.short, self.hard = vendor, concepts, layout, hint, short, hard


def T(en, zh):
    return {"en": en, "zh": zh}


def options_ok(opts):
    if len(opts) != 4:
        return False
    for lang in ("en", "zh"):
        t = [o[lang].lower().strip() for o in opts]
        if len(set(t)) != 4 or any(not x for x in t):
            return False
        if any(i != j and t[i] in t[j] for i in range(4) for j in range(4)):
            return False
        if any(re.search(r"(?<![\w])[A-E](?![\w])", o[lang]) for o in opts):
            return False
    return True


class Maker:
    """Makes questions about the concepts in `answers` (shown or asked for) with distractors from `pool`."""

    def __init__(self, art, size, rng, answers, pool, vendors, held_layout, jitter):
        self.jitter = jitter
        self.art, self.size, self.rng, self.vendors, self.held = art, size, rng, vendors, held_layout
        self.answers, self.pool = answers, pool
        self.by_name = {c.en: c for c in answers}
        self.pool_sub = collections.defaultdict(list)
        for c in pool:
            self.pool_sub[c.sub].append(c)
        self.objs = [c for c in answers if c.sub in CANVAS_SUBS and c.en not in CANVAS_NOT]
        self.novel = {c.cp for c in pool if c.split != "train"}
        self.queue = collections.defaultdict(list)
        self.flip = collections.defaultdict(int)

    def draw(self, key, seq):
        """Next element of an endlessly reshuffled copy of seq (even use of every concept)."""
        q = self.queue[key]
        if not q:
            q.extend(self.rng.sample(seq, len(seq)))
        return q.pop()

    def vendor(self):
        return self.rng.choice(self.vendors)

    def one(self, c, v, jitter=True):
        """The plain drawing on white or, with probability self.jitter, a smaller one off the centre on a tint: raw pixel
        matching against another vendor's drawing is then worth much less."""
        if jitter and self.rng.random() < self.jitter:
            bg, w = self.background()[1], self.rng.uniform(0.5, 0.75)
            x, y = (self.rng.uniform(w / 2, 1 - w / 2) for _ in range(2))
            return self.paint(v, bg, [(c.cp, x, y, w)])
        f = lambda: single(self.art, c.cp, v, self.size)
        f.plain = True
        return f

    def tx(self, c):
        return T(c.en, c.zh)

    def names(self, c, cands, k=3, tries=60):
        """k distractor names. If the answer is an unseen concept, all distractors are too: a name's novelty tells nothing."""
        cands = [d for d in cands if d.cp != c.cp and (d.cp in self.novel) == (c.cp in self.novel)
                 and (c.cp, d.cp) not in self.art.twins]
        for _ in range(tries):
            if len(cands) < k:
                return None
            pick = self.rng.sample(cands, k)
            opts = [self.tx(c)] + [self.tx(d) for d in pick]
            if options_ok(opts):
                return opts
        return None

    def closed(self, table, idx, k=3):
        o = self.rng.sample([i for i in range(len(table)) if i != idx], k)
        return [T(table[i][0], table[i][1]) for i in [idx] + o]

    # -- one object
    def naming(self):
        c, v = self.draw("naming", self.answers), self.vendor()
        self.flip["naming"] ^= 1
        hard = bool(self.flip["naming"])
        cands = self.pool_sub[c.sub] if hard else [d for d in self.pool if d.cat != c.cat]
        opts = self.names(c, cands)
        if not opts and hard:
            opts = self.names(c, [d for d in self.pool if d.cat == c.cat])
        if not opts:
            hard = False
            opts = self.names(c, [d for d in self.pool if d.cat != c.cat])
        q = self.rng.choice([T("What is shown in this picture?", "这张图片里画的是什么？"),
                             T("Which name fits this picture best?", "哪个名称最符合这张图片？"),
                             T("What does this picture show?", "这张图片显示的是什么？")])
        return opts and Item("naming", "object_naming", FPS, q, opts, self.one(c, v), v, [c], hard="hard" if hard else "easy")

    def topic(self):
        i = self.draw("topic", list(range(len(TOPICS))))
        cs = [c for c in self.answers if c.sub in TOPICS[i][2] and c.en not in TOPICS[i][3]]
        if not cs:
            return None
        c, v = self.draw(("topic", i), cs), self.vendor()
        q = self.rng.choice([T("What is this picture mainly about?", "这张图片的主题是什么？"),
                             T("What kind of thing is this?", "这是哪一类东西？")])
        return Item("topic", "image_topic", CP, q, self.closed(TOPICS, i), self.one(c, v), v, [c])

    def listed(self, kind, table, leaf, l2, q, col=2):
        i = self.draw(kind, list(range(len(table))))
        cs = [self.by_name[n] for n in table[i][col] if n in self.by_name]
        if not cs:
            return None
        c, v = self.draw((kind, i), cs), self.vendor()
        for _ in range(20):
            opts = self.closed(table, i)
            wrong = {o["en"] for o in opts[1:]}  # a distractor must not be true as well
            if not any(t[0] in wrong and c.en in t[col] for t in table):
                return Item(kind, leaf, l2, q, opts, self.one(c, v), v, [c])
        return None

    def emotion(self):
        return self.listed("emotion", EMOTIONS, "image_emotion", CP, T("How does this face feel?", "这张脸表达的是什么情绪？"))

    def function(self):
        return self.listed("function", FUNCTIONS, "function_reasoning", AR,
                           T("What is the thing in the picture used for?", "图中的东西是用来做什么的？"))

    def prop(self):
        return self.listed("property", PROPERTIES, "physical_property_reasoning", AR,
                           T("Which statement about the thing in the picture is true?", "关于图中的东西，哪句话是对的？"))

    def restricted(self, kind, test, leaf, l2, q, text=None):
        cs = [c for c in self.answers if test(c)]
        if not cs:
            return None
        c, v = self.draw(kind, cs), self.vendor()
        opts = self.names(c, [d for d in self.pool if test(d)])
        if opts and text:
            opts = [T(text(o["en"]), o["zh"]) for o in opts]
            if not options_ok(opts):
                return None
        return opts and Item(kind, leaf, l2, q, opts, self.one(c, v), v, [c])

    def scene(self):
        return self.restricted("scene", lambda c: c.sub in SCENE_SUBS and c.en not in SCENE_NOT, "image_scene", CP,
                               T("Which place or scene is shown?", "图片中是什么地方或场景？"))

    def job(self):
        return self.restricted("job", lambda c: c.en in JOBS, "identity_reasoning", AR,
                               T("What is the job of the person in the picture?", "图中的人是做什么的？"))

    def action(self):
        rx = re.compile(r"^person \w+ing\b")
        return self.restricted("action", lambda c: bool(rx.match(c.en)), "action_recognition", FPC,
                               T("What is the person in the picture doing?", "图中的人在做什么？"), lambda s: s[len("person "):])

    def quality(self):
        kinds = [("blurred", "模糊"), ("much too dark", "太暗"), ("covered with noise", "有很多噪点"),
                 ("sharp and clear", "清晰"), ("made of coarse blocks", "呈粗大的马赛克"), ("faded almost to white", "褪色发白")]
        i = self.draw("quality", list(range(6)))
        c, v = self.draw("quality-c", self.answers), self.vendor()
        seed = self.rng.getrandbits(32)

        def image():
            im, r = single(self.art, c.cp, v, self.size), random.Random(seed)
            if i == 0:
                im = im.filter(ImageFilter.GaussianBlur(self.size / 18))
            elif i == 1:
                im = im.point(lambda x: int(x * 0.16))
            elif i == 2:
                b = bytearray(im.tobytes())
                for k in range(len(b)):
                    b[k] = max(0, min(255, b[k] + int(r.gauss(0, 60))))
                im = Image.frombytes("RGB", im.size, bytes(b))
            elif i == 4:
                im = im.resize((8, 8), Image.BOX).resize(im.size, Image.NEAREST)
            elif i == 5:
                im = im.point(lambda x: 255 - int((255 - x) * 0.14))
            return im
        q = T("How good is the quality of this picture?", "这张图片的画质如何？")
        return Item("quality", "image_quality", CP, q, self.closed(kinds, i), image, v, [c])

    def kin(self, kind, groups, leaf, q):
        g = self.draw(kind, list(range(len(groups))))
        fit = lambda seq, h: [c for c in seq if c.sub in groups[h] and c.en not in KIN_NOT]
        cs, mates = fit(self.answers, g), fit(self.pool, g)
        if not cs or len(mates) < 2:
            return None
        c, v = self.draw((kind, g), cs), self.vendor()
        rest = [x for x in (fit(self.pool, h) for h in range(len(groups)) if h != g) if x]
        for _ in range(60):
            m = self.rng.choice(mates)
            if m.cp == c.cp or len(rest) < 3:
                continue
            opts = [self.tx(m)] + [self.tx(self.rng.choice(h)) for h in self.rng.sample(rest, 3)]
            if options_ok(opts) and options_ok([self.tx(c)] + opts[1:]):
                return Item(kind, leaf, RR, q, opts, self.one(c, v), v, [c])
        return None

    def nature(self):
        return self.kin("nature_kin", NATURE_KIN, "nature_relation",
                        T("Which of these belongs to the same natural group as the picture?", "下列哪一个与图中的属于同一自然类别？"))

    def thing(self):
        return self.kin("thing_kin", THING_KIN, "physical_relation",
                        T("Which of these is the same kind of thing as the one in the picture?", "下列哪一个与图中的东西是同一类？"))

    def colour(self):
        by = collections.defaultdict(list)
        for c in self.answers:
            for v in self.vendors:
                k = c.colour.get(v)
                if k and sum(x == k for x in c.colour.values()) >= 2 and not any(w in c.en.split() for w in TINTS):
                    by[k].append((c, v))
        names = [n for n in TINTS if by[n]]
        if len(names) < 4:
            return None
        n = self.draw("colour", names)
        c, v = self.draw(("colour", n), by[n])
        o = [x for x in TINTS if x != n and x not in ("white", "gray", "black")]
        near = {"red": {"orange", "pink", "brown"}, "orange": {"red", "yellow", "brown"}, "brown": {"orange", "red"},
                "pink": {"red", "purple"}, "purple": {"pink", "blue"}, "blue": {"purple"}, "yellow": {"orange"}}
        o = [x for x in o if x not in near.get(n, set())]
        opts = [T(x, TINTS[x][1]) for x in [n] + self.rng.sample(o, 3)]
        return Item("colour", "attribute_recognition", FPS, T("What is the main colour of the object?", "这个物体的主要颜色是什么？"),
                    opts, self.one(c, v, False), v, [c])

    # -- canvases
    def objects(self, n):
        for _ in range(200):
            cs = [self.draw("obj", self.objs) for _ in range(n)]
            if len({c.cp for c in cs}) == n and (n != 4 or options_ok([self.tx(c) for c in cs])) and not any(
                    a is not b and (a.en in b.en or a.zh in b.zh) for a in cs for b in cs):
                return cs
        raise RuntimeError("too few objects for a canvas")

    def background(self):
        n = self.rng.choice(["white"] * 4 + [x for x in TINTS if x not in ("white", "black")])
        return n, tint(self.rng, n)

    def paint(self, v, bg, places, **k):
        return lambda: canvas(self.art, v, self.size, bg, places, **k)

    def bg_colour(self):
        n = self.draw("bg", list(TINTS))
        c, v = self.draw("obj", self.objs), self.vendor()
        bg, w = tint(self.rng, n), self.rng.uniform(0.45, 0.7)
        x, y = (self.rng.uniform(w / 2, 1 - w / 2) for _ in range(2))
        opts = [T(k, TINTS[k][1]) for k in [n] + self.rng.sample([k for k in TINTS if k != n], 3)]
        return Item("bg_colour", "attribute_recognition", FPS, T("What is the background colour?", "背景是什么颜色？"), opts,
                    self.paint(v, bg, [(c.cp, x, y, w)]), v, [c], layout=f"bg:{n}")

    def where(self):
        spots = [("in the top left corner", "左上角", 0), ("in the top right corner", "右上角", 2),
                 ("in the bottom left corner", "左下角", 6), ("in the bottom right corner", "右下角", 8), ("in the middle", "正中间", 4)]
        i = self.draw("where", list(range(5)))
        c, v = self.draw("obj", self.objs), self.vendor()
        bg = self.background()
        x, y = centre(spots[i][2], self.rng, 0.03)
        opts = self.closed(spots, i)
        return Item("where", "object_localization", FPS, T(f"Where in the picture is the {c.en}?", f"“{c.zh}”在图片的什么位置？"), opts,
                    self.paint(v, bg[1], [(c.cp, x, y, self.rng.uniform(0.3, 0.4))]), v, [c], layout=f"spot:{spots[i][2]}")

    def count(self):
        n = self.draw("count", [1, 2, 3, 4, 5, 6])
        extra = self.rng.choice([0, 0, 1, 2]) if n < 6 else 0
        cs = self.objects(2)
        v, bg = self.vendor(), self.background()
        cells = pick_cells(self.rng, n + extra, self.held)
        places = [(cs[0 if k < n else 1].cp, *centre(cell, self.rng), 0.3) for k, cell in enumerate(cells)]
        o = self.rng.sample([k for k in range(1, 7) if k != n], 3)
        q = T(f"How many times does the {cs[0].en} appear in the picture?", f"图片中“{cs[0].zh}”出现了几次？")
        return Item("count", "object_counting", FPS, q, [T(str(k), str(k)) for k in [n] + o], self.paint(v, bg[1], places), v,
                    cs if extra else cs[:1], layout="count:" + ",".join(map(str, sorted(cells))))

    def relation(self):
        rel = [("to the left", "左边"), ("to the right", "右边"), ("above", "上面"), ("below", "下面")]
        i = self.draw("relation", [0, 1, 2, 3])

        def ok(c):
            (a, b), (p, q) = (c[0] % 3, c[1] % 3), (c[0] // 3, c[1] // 3)
            return [p == q and a < b, p == q and a > b, a == b and p < q, a == b and p > q][i]
        cells = pick_cells(self.rng, 2, self.held, ok)
        cs, v, bg = self.objects(2), self.vendor(), self.background()
        far = max(abs(cells[0] % 3 - cells[1] % 3), abs(cells[0] // 3 - cells[1] // 3)) == 2
        w = self.rng.uniform(0.4, 0.48) if far else 0.32
        places = [(c.cp, *centre(k, self.rng), w) for c, k in zip(cs, cells)]
        q = T(f"Where is the {cs[0].en} in relation to the {cs[1].en}?", f"“{cs[0].zh}”在“{cs[1].zh}”的哪一边？")
        opts = [T(*rel[j]) for j in [i] + [j for j in range(4) if j != i]]
        return Item("relation", "spatial_relationship", FPC, q, opts, self.paint(v, bg[1], places), v, cs,
                    layout="pair:" + ",".join(map(str, sorted(cells))))

    def corners(self):
        """Four objects in the four quadrants of a block of cells; ask which one is at a side of another."""
        cs, v, bg = self.objects(4), self.vendor(), self.background()
        blocks = [(0, 2, 6, 8), (0, 1, 3, 4), (1, 2, 4, 5), (3, 4, 6, 7), (4, 5, 7, 8), (0, 2, 3, 5), (3, 5, 6, 8), (0, 1, 6, 7),
                  (1, 2, 7, 8)]
        cells = self.rng.choice([b for b in blocks if (b in HELD_BLOCKS) == self.held])
        i = self.draw("corners", [0, 1, 2, 3])  # asked side
        a, b = [(0, 1), (1, 0), (0, 2), (2, 0)][i] if self.rng.random() < .5 else [(2, 3), (3, 2), (1, 3), (3, 1)][i]
        # object in slot a is <side i> of the object in slot b
        side = [("directly to the left of", "紧靠左边"), ("directly to the right of", "紧靠右边"), ("directly above", "正上方"),
                ("directly below", "正下方")][i]
        w = 0.31 if cells != (0, 2, 6, 8) else 0.42
        places = [(c.cp, *centre(k, self.rng, 0.01), w) for c, k in zip(cs, cells)]
        q = T(f"Which object is {side[0]} the {cs[b].en}?", f"在“{cs[b].zh}”{side[1]}的是什么？")
        # the reference object itself is no sensible option: replace it by an absent one
        for _ in range(60):
            absent = self.rng.choice(self.objs)
            opts = [self.tx(cs[a])] + [self.tx(cs[k]) for k in range(4) if k not in (a, b)] + [self.tx(absent)]
            if absent not in cs and options_ok(opts):
                return Item("corners", "spatial_relationship", FPC, q, opts, self.paint(v, bg[1], places), v, cs,
                            layout="block:" + ",".join(map(str, cells)))
        return None

    def biggest(self):
        cs, v, bg = self.objects(4), self.vendor(), self.background()
        cells = pick_cells(self.rng, 4, self.held, lambda c: all(
            max(abs(x % 3 - y % 3), abs(x // 3 - y // 3)) >= 1 for x in c for y in c if x != y))
        big = self.draw("biggest", [True, False])
        ws = [0.33, 0.19, 0.19, 0.19] if big else [0.14, 0.3, 0.3, 0.3]
        places = [(c.cp, *centre(k, self.rng, 0.01), w) for c, k, w in zip(cs, cells, ws)]
        q = T("Which object is drawn the largest?", "哪个物体画得最大？") if big else \
            T("Which object is drawn the smallest?", "哪个物体画得最小？")
        return Item("biggest", "attribute_comparison", FPC, q, [self.tx(c) for c in cs], self.paint(v, bg[1], places), v, cs,
                    layout="size:" + ",".join(map(str, sorted(cells))))

    def absent(self):
        """Three objects shown; which of four is NOT there."""
        cs, v, bg = self.objects(4), self.vendor(), self.background()
        cells = pick_cells(self.rng, 3, self.held)
        places = [(c.cp, *centre(k, self.rng), 0.32) for c, k in zip(cs[1:], cells)]
        return Item("absent", "object_localization", FPS, T("Which of these is not in the picture?", "下列哪一个不在图片中？"),
                    [self.tx(c) for c in cs], self.paint(v, bg[1], places), v, cs[1:],
                    layout="three:" + ",".join(map(str, sorted(cells))))

    def grid(self):
        rows, cols = self.rng.choice([(2, 3), (3, 2)] if self.held else [(2, 2), (1, 4), (4, 1), (2, 2)])
        n = rows * cols
        cs, v = self.objects(4), self.vendor()
        more = [c for c in self.objects(2)] if n > 4 else []
        cells = self.rng.sample(range(n), n)
        a = cells[0]
        w = 0.86 / max(rows, cols)
        shown = (cs + more)[:n]
        if len({c.cp for c in shown}) < n:
            return None
        places = [(c.cp, (k % cols + .5) / cols, (k // cols + .5) / rows, w) for c, k in zip(shown, cells)]
        q = T(f"Which object is in row {a // cols + 1}, column {a % cols + 1} of the table?",
              f"表格第 {a // cols + 1} 行第 {a % cols + 1} 列是什么？")
        hint = T("Rows are counted from the top, columns from the left.", "行从上往下数，列从左往右数。")
        return Item("grid", "structuralized_imagetext_understanding", LR, q, [self.tx(c) for c in cs],
                    self.paint(v, (255, 255, 255), places, lines=(rows, cols)), v, shown, layout=f"grid:{rows}x{cols}", hint=hint)

    def pattern(self):
        cs, v = self.objects(4), self.vendor()
        pat = self.draw("pattern", ["ABABAB", "ABCABC", "AABAAB", "ABBABB"])
        key = dict(zip("ABC", self.rng.sample(cs[:3], 3)))
        seq = [key[x] for x in pat]
        places = [(c.cp, (k % 3 + .5) / 3, (k // 3 + .5) / 2, 0.3) for k, c in enumerate(seq[:5])]
        used = {c.cp for c in seq}
        opts = [seq[5]] + [c for c in cs if c is not seq[5]]
        q = T("The pictures follow a pattern, row by row. Which one belongs in the grey box?", "图片按行依次遵循一个规律，灰色方框里应该是什么？")
        return Item("pattern", "future_prediction", LR, q, [self.tx(c) for c in opts],
                    self.paint(v, (255, 255, 255), places, blank=(0.7, 0.55, 0.97, 0.95)), v, [c for c in cs if c.cp in used],
                    layout="pattern:" + pat)

    SINGLE = ["naming", "naming", "topic", "emotion", "scene", "job", "action", "function", "prop", "quality", "nature", "thing",
              "colour"]
    CANVAS = ["bg_colour", "where", "count", "relation", "relation", "corners", "biggest", "absent", "grid", "pattern"]

    def make(self, kind, tries=30):
        for _ in range(tries):
            it = getattr(self, kind)()
            if it and options_ok(it.options):
                return it
        return None


# ---------------------------------------------------------------------------------------------------------- writing
class ImageStore:
    def __init__(self, folder):
        self.folder, self.n, self.done = folder, 0, set()
        os.makedirs(folder, exist_ok=True)

    def put(self, name, im):
        if name not in self.done:
            im.save(os.path.join(self.folder, name), optimize=True)
            self.done.add(name)
        return name


def png(im, jpeg=False):
    b = io.BytesIO()
    im.save(b, "JPEG", quality=92, subsampling=0) if jpeg else im.save(b, "PNG", optimize=True)
    return b.getvalue()


def conv(*turns):
    out = []
    for i, (q, a) in enumerate(turns):
        out += [{"from": "human", "value": ("<image>\n" if i == 0 else "") + q}, {"from": "gpt", "value": a}]
    return out


ALIGN_PROMPTS = ["Describe the picture briefly.", "Give a short description of this image.", "What is in the picture?",
                 "Summarise this image in a few words.", "Write a short caption for the image.", "Render a concise summary of the photo.",
                 "Share a brief description of what you see.", "Provide a one-line caption."]


def build_align(a, art, train, vendors, rng, store):
    rows = []
    for c in train:
        for v in vendors:
            name = store.put(f"{c.cp}_{v}.png", single(art, c.cp, v, a.size))
            rows.append({"id": f"align-{c.cp}-{v}", "image": name,
                         "conversations": conv((rng.choice(ALIGN_PROMPTS), article(c.en))),
                         "source": v, "concepts": [c.cp], "kind": "caption"})
            if rng.random() < a.tinted:
                n = rng.choice([t for t in TINTS if t != "white"])
                im = single(art, c.cp, v, a.size, tint(rng, n), rng.uniform(0.62, 0.8))
                name = store.put(f"{c.cp}_{v}_{n}.png", im)
                rows.append({"id": f"align-{c.cp}-{v}-{n}", "image": name,
                             "conversations": conv((rng.choice(ALIGN_PROMPTS), f"{article(c.en)} on {article(n)} background")),
                             "source": v, "concepts": [c.cp], "kind": "caption_tint"})
    rng.shuffle(rows)
    return rows


def mc_turn(it, rng, hint=True):
    opts = it.options[1:]
    rng.shuffle(opts)
    k = rng.randrange(4)
    opts.insert(k, it.options[0])
    q = (it.hint["en"] + "\n" if it.hint else "") + it.q["en"] + "".join(f"\n{l}. {o['en']}" for l, o in zip(LETTERS, opts)) + MC_SUFFIX
    return q, LETTERS[k]


def build_tune(a, art, train, vendors, rng, store):
    mk = Maker(art, a.size, rng, train, train, vendors, False, a.jitter)
    rows, n = [], a.tune
    by_cat = collections.defaultdict(list)
    for c in train:
        by_cat[c.cat].append(c)
    cat_text = lambda c: CATEGORIES[c.cat][1]
    kinds_s, kinds_c = Maker.SINGLE, Maker.CANVAS

    def base(c, v):
        return store.put(f"{c.cp}_{v}.png", single(art, c.cp, v, a.size))

    def item_image(it, i):
        if getattr(it.image, "plain", False):
            return base(it.concepts[0], it.vendor)
        return store.put(f"canvas_{i:06d}.png", it.image())

    def yesno(present, absent):
        yes = rng.random() < 0.5
        n = (present if yes else absent).en
        return rng.choice([is_there(n) + " in the image?", f"Does the picture show {article(n)}?", f"Can you see {article(n)} here?"]) \
            + "\nAnswer yes or no.", "Yes" if yes else "No"

    def other(c, hard):
        for _ in range(50):
            d = rng.choice([x for x in mk.pool_sub[c.sub]] if hard else train)
            if d.cp != c.cp and d.en not in c.en and c.en not in d.en and (c.cp, d.cp) not in art.twins:
                return d
        return rng.choice([x for x in train if x.sub != c.sub])

    plan = [("name", .13), ("category", .07), ("yesno", .12), ("mc_single", .22), ("mc_canvas", .18), ("short_canvas", .12),
            ("multi", .12), ("text", .04)]
    todo = [k for k, w in plan for _ in range(round(w * n))]
    todo = (todo + ["name"] * n)[:n]
    rng.shuffle(todo)
    ks, kc = 0, 0
    for i, t in enumerate(todo):
        r = {"id": f"tune-{i:06d}"}
        c, v = mk.draw("tune", train), mk.vendor()
        if t == "name":
            q = rng.choice(["What is this?", "Name the thing in the picture.", "What does the image show?"])
            r.update(image=base(c, v), conversations=conv((q + SHORT_SUFFIX, c.en)), source=v, concepts=[c.cp], kind="name")
        elif t == "category":
            q = rng.choice(["Which category does the picture belong to?", "What category is this?"])
            ls = ", ".join(x[1] for k, x in CATEGORIES.items() if k != "Flags")
            r.update(image=base(c, v), conversations=conv((f"{q} Choose one of: {ls}." + SHORT_SUFFIX, cat_text(c))), source=v,
                     concepts=[c.cp], kind="category")
        elif t == "yesno":
            r.update(image=base(c, v), conversations=conv(yesno(c, other(c, rng.random() < .5))), source=v, concepts=[c.cp],
                     kind="yesno")
        elif t in ("mc_single", "mc_canvas", "short_canvas"):
            it = None
            while not it:
                if t == "mc_single":
                    it, ks = mk.make(kinds_s[ks % len(kinds_s)], 3), ks + 1
                else:
                    it, kc = mk.make(kinds_c[kc % len(kinds_c)], 3), kc + 1
                    if it and t == "short_canvas" and it.kind == "absent":
                        it = None
            if t == "short_canvas":
                q, ans = (it.hint["en"] + "\n" if it.hint else "") + it.q["en"] + SHORT_SUFFIX, it.options[0]["en"]
            else:
                q, ans = mc_turn(it, rng)
            r.update(image=item_image(it, i), conversations=conv((q, ans)), source=it.vendor, concepts=[x.cp for x in it.concepts],
                     kind=t + ":" + it.kind, layout=it.layout)
        elif t == "multi":
            turns = [("What is in the picture?" + SHORT_SUFFIX, c.en)]
            turns.append(("Which category does it belong to?" + SHORT_SUFFIX, cat_text(c)))
            turns.append(yesno(c, other(c, True)))
            opts = mk.names(c, mk.pool_sub[c.sub]) or mk.names(c, train)
            if opts:
                turns.append(mc_turn(Item("", "", "", T("Which name fits best?", ""), opts, None, v, [c]), rng))
            if c.colour.get(v):
                turns.append(("What is its main colour?" + SHORT_SUFFIX, c.colour[v]))
            head, rest = turns[0], turns[1:]
            rng.shuffle(rest)
            turns = ([head] + rest)[:rng.randint(2, 4)]
            r.update(image=base(c, v), conversations=conv(*turns), source=v, concepts=[c.cp], kind="multi")
        else:
            if rng.random() < .5:
                cat = rng.choice(list(by_cat))
                good = rng.choice(by_cat[cat])
                opts = mk.names(good, [d for d in train if d.cat != cat])
                q, ans = mc_turn(Item("", "", "", T(f"Which of these belongs to the group “{CATEGORIES[cat][1]}”?", ""), opts, None, v,
                                      [good]), rng)
            else:
                q, ans = f"Which category does “{c.en}” belong to?" + SHORT_SUFFIX, cat_text(c)
            r.update(conversations=[{"from": "human", "value": q}, {"from": "gpt", "value": ans}], source="text", concepts=[],
                     kind="text")
        rows.append(r)
    return rows


def make_questions(a, art, split, concepts, train_vendors, eval_vendor, n, seed):
    """n base questions: 40 % unseen vendor (seen concept), 25 % unseen concept (seen vendor), 35 % unseen layout."""
    rng = random.Random(seed)
    seen = [c for c in concepts if c.split == "train"]
    new = [c for c in concepts if c.split == split]
    pool = seen + new
    # the layout part draws the eval vendor where there is one, so a test file has no picture of a training vendor
    # except in the unseen_concept part
    parts = []
    if eval_vendor:
        parts.append(("unseen_vendor", Maker(art, a.size, rng, seen, seen, [eval_vendor], True, a.jitter), Maker.SINGLE, .40))
    parts.append(("unseen_concept", Maker(art, a.size, rng, new, pool, train_vendors, True, a.jitter), Maker.SINGLE, .25))
    lv = [eval_vendor] if split == "test" and eval_vendor else train_vendors
    parts.append(("unseen_layout", Maker(art, a.size, rng, seen, seen, lv, True, a.jitter), Maker.CANVAS, .35))
    total = sum(p[3] for p in parts)
    out, used = [], set()
    for name, mk, kinds, w in parts:
        want, k, fails = round(n * w / total), 0, 0
        got = []
        while len(got) < want and fails < 4000:
            it = mk.make(kinds[k % len(kinds)], 6)
            k += 1
            if not it:
                fails += 1
                continue
            im = it.image()
            key = (it.kind, hashlib.sha256(im.tobytes()).hexdigest())  # one question of a kind per picture
            if key in used:
                fails += 1
                continue
            used.add(key)
            got.append((name, it, im))
        out += got
    rng.shuffle(out)
    # balanced answers: round-robin over A-D in a random order within each leaf category
    start, rows = {}, []
    for name, it, im in out:
        k = start.setdefault(it.leaf, rng.sample(range(4), 4))
        if not k:
            k.extend(rng.sample(range(4), 4))
        pos = k.pop()
        opts = it.options[1:]
        rng.shuffle(opts)
        opts.insert(pos, it.options[0])
        rows.append((name, it, im, opts, pos))
    return rows


def write_mmbench(a, base, split, rows, langs=("en", "cn")):
    for lang in langs:
        key = "zh" if lang == "cn" else "en"
        recs = []
        for i, (name, it, im, opts, pos) in enumerate(rows, 1):
            img = base64.b64encode(png(im, a.jpeg)).decode()
            for k in range(4):
                o = opts[k:] + opts[:k]
                recs.append([i + k * 1000000, it.q[key], it.hint[key] if it.hint else "", *[x[key] for x in o],
                             LETTERS[(pos - k) % 4], it.leaf, img if k == 0 or a.inline_images else str(i), it.vendor, it.l2, name,
                             split])
        recs.sort(key=lambda r: r[0])
        with open(f"{base}_{lang}.tsv", "w", encoding="utf-8", newline="") as f:
            w = csv.writer(f, delimiter="\t", lineterminator="\n")
            w.writerow(COLUMNS)
            w.writerows(recs)
    with open(f"{base}_meta.jsonl", "w", encoding="utf-8") as f:
        for i, (name, it, im, opts, pos) in enumerate(rows, 1):
            f.write(json.dumps({"index": i, "part": name, "kind": it.kind, "vendor": it.vendor, "concepts": [c.cp for c in it.concepts],
                                "layout": it.layout, "hard": it.hard}, ensure_ascii=False) + "\n")


def build_pope(a, art, concepts, vendor, n, seed, out):
    rng = random.Random(seed)
    objs = [c for c in concepts if c.split == "train" and c.sub in CANVAS_SUBS and c.en not in CANVAS_NOT]
    sub = collections.defaultdict(list)
    for c in objs:
        sub[c.sub].append(c)
    weight = [3.0 if sha("pop:" + c.cp) % 10 == 0 else 0.5 for c in objs]  # a skewed draw, so that 'popular' means something
    scenes, freq = [], collections.Counter()
    while len(scenes) < max(1, n // 6):
        cs = []
        while len(cs) < 3:
            c = rng.choices(objs, weight)[0]
            if not any(c.en in d.en or d.en in c.en for d in cs):
                cs.append(c)
        scenes.append(cs)
        freq.update(c.cp for c in cs)
    by_cp = {c.cp: c for c in objs}
    popular = [by_cp[cp] for cp, _ in freq.most_common(40)]
    rows = []
    for cs in scenes:
        bg = tint(rng, rng.choice(["white"] * 3 + list(TINTS)))
        cells = pick_cells(rng, 3, True)
        im = canvas(art, vendor, a.size, bg, [(c.cp, *centre(k, rng), 0.32) for c, k in zip(cs, cells)])
        pos = rng.sample(cs, 3)
        for (cat, cands), yes in zip((("random", objs), ("popular", popular), ("adversarial", None)), pos):
            src = cands if cands is not None else sub[yes.sub] + [c for d in cs for c in sub[d.sub]]
            neg = [c for c in src if not any(c.en in d.en or d.en in c.en for d in cs)]
            for c, ans in ((yes, "yes"), (rng.choice(neg or objs), "no")):
                rows.append((im, f"{is_there(c.en)} in the image?", ans, cat, c, cs))
    with open(os.path.join(out, "emoji_pope_en.tsv"), "w", encoding="utf-8", newline="") as f, \
            open(os.path.join(out, "emoji_pope_en.jsonl"), "w", encoding="utf-8") as g:
        w = csv.writer(f, delimiter="\t", lineterminator="\n")
        w.writerow(["index", "image", "question", "answer", "category"])
        last, ref = None, None
        for i, (im, q, ans, cat, c, cs) in enumerate(rows, 1):
            if im is last and not a.inline_images:
                img = str(ref)
            else:
                img, last, ref = base64.b64encode(png(im, a.jpeg)).decode(), im, i
            w.writerow([i, img, q, ans, cat])
            g.write(json.dumps({"question_id": i, "image": f"row {ref}", "text": q, "label": ans, "category": cat, "vendor": vendor,
                                "concepts": [x.cp for x in cs]}) + "\n")
    return len(rows)


def write_arrow(rows, images, folder, shards):
    from datasets import Dataset, Features, Image as HFImage, Value
    feats = Features({"id": Value("string"), "image": HFImage(), "conversations": [{"from": Value("string"), "value": Value("string")}],
                      "source": Value("string")})
    data = {"id": [], "image": [], "conversations": [], "source": []}
    for r in rows:
        data["id"].append(r["id"])
        b = None
        if r.get("image"):
            with open(os.path.join(images, r["image"]), "rb") as f:
                b = {"bytes": f.read(), "path": r["image"]}
        data["image"].append(b)
        data["conversations"].append(r["conversations"])
        data["source"].append(r["source"])
    Dataset.from_dict(data, features=feats).save_to_disk(folder, num_shards=max(1, min(shards, len(rows))))


def colours(art, concepts):
    for c in concepts:
        for v in art.vendors():
            if art.path(c.cp, v):
                k = main_colour(art.get(c.cp, v))
                if k:
                    c.colour[v] = k


def dump(path, obj):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(obj, f, ensure_ascii=False, indent=1)
        f.write("\n")


def concept_record(c):
    return {"cp": c.cp, "char": c.char, "name": c.en, "name_zh": c.zh, "category": CATEGORIES[c.cat][0], "subcategory": c.sub,
            "split": c.split}


def build(a):
    art = Art(a.packages)
    have = art.vendors()
    concepts, dropped = load_concepts(a.packages, art)
    vendors = [v for v in a.train_vendors.split(",") if v]
    for v in vendors + [x for x in (a.dev_vendor, a.test_vendor) if x]:
        if v not in have:
            sys.exit(f"vendor {v}: its package is not under --packages (found: {', '.join(have)})")
    if a.dev_vendor in vendors or a.test_vendor in vendors:
        sys.exit("the dev and test vendors must not be train vendors")
    colours(art, concepts)
    art.find_twins(concepts)
    if a.max_concepts:
        concepts = thin(concepts, a.max_concepts)
    if a.no_test_concepts:
        concepts = [c for c in concepts if c.split != "test"]
    os.makedirs(a.out, exist_ok=True)
    store = ImageStore(os.path.join(a.out, "images"))
    train = [c for c in concepts if c.split == "train"]
    man = {"tool": "emoji_vqa.py", "seed": a.seed, "size": a.size, "train_vendors": vendors, "dev_vendor": a.dev_vendor or None,
           "test_vendor": a.test_vendor or None, "dropped": dict(dropped),
           "splits": dict(collections.Counter(c.split for c in concepts))}
    if a.tune or a.align:
        align = build_align(a, art, train, vendors, random.Random(f"{a.seed}:align"), store)
        if a.align > 0:
            align = align[:a.align]
        tune = build_tune(a, art, train, vendors, random.Random(f"{a.seed}:tune"), store)
        dump(os.path.join(a.out, "align.json"), align)
        dump(os.path.join(a.out, "tune.json"), tune)
        man.update(align=len(align), tune=len(tune), tune_kinds=dict(collections.Counter(r["kind"] for r in tune).most_common()))
        if a.rows:
            for nm, rows in (("align", align), ("tune", tune)):
                write_arrow(rows[:a.rows], store.folder, os.path.join(a.out, "arrow_" + nm), a.shards)
            man["arrow_rows"] = {"align": min(a.rows, len(align)), "tune": min(a.rows, len(tune))}
    if a.dev:
        rows = make_questions(a, art, "dev", concepts, vendors, a.dev_vendor, a.dev, f"{a.seed}:dev")
        write_mmbench(a, os.path.join(a.out, "emoji_dev"), "dev", rows)
        man["dev"] = len(rows)
    if a.test and a.test_vendor:
        rows = make_questions(a, art, "test", concepts, vendors, a.test_vendor, a.test, f"{a.seed}:test")
        write_mmbench(a, os.path.join(a.out, "emoji_test"), "test", rows)
        man["test"] = len(rows)
    if a.pope:
        man["pope"] = build_pope(a, art, concepts, a.dev_vendor or vendors[0], a.pope, f"{a.seed}:pope", a.out)
    if a.flags:
        fl, _ = load_concepts(a.packages, art, flags=True)
        fs, rows = ImageStore(os.path.join(a.out, "flags")), []
        for c in fl:
            for v in vendors:
                if art.path(c.cp, v):
                    rows.append({"id": f"flag-{c.cp}-{v}", "image": fs.put(f"{c.cp}_{v}.png", single(art, c.cp, v, a.size)),
                                 "conversations": conv(("Which flag is this?" + SHORT_SUFFIX, re.sub("^flag: ", "", c.en))),
                                 "source": v, "concepts": [c.cp], "kind": "flag"})
        dump(os.path.join(a.out, "flags.json"), rows)
        man["flags"] = len(rows)
    man["concepts"] = [concept_record(c) for c in concepts]
    dump(os.path.join(a.out, "manifest.json"), man)
    print(json.dumps({k: v for k, v in man.items() if k not in ("concepts",)}, ensure_ascii=False, indent=1))


def thin(concepts, n):
    """About n concepts without test ones, spread over the subcategories; those used by closed question lists first."""
    named = {m for t in (EMOTIONS, FUNCTIONS, PROPERTIES) for row in t for m in row[2]} | JOBS
    cs = [c for c in concepts if c.split != "test"]
    by = collections.defaultdict(list)
    for c in sorted(cs, key=lambda c: (c.en not in named, sha("thin:" + c.cp))):
        if c.cat != "Symbols" or c.sub in ("arrow", "geometric", "zodiac", "warning"):
            by[c.sub].append(c)
    out, depth = [], 0
    while len(out) < n and any(len(x) > depth for x in by.values()):
        for s in sorted(by):
            if len(by[s]) > depth and len(out) < n:
                out.append(by[s][depth])
        depth += 1
    keep = {c.cp for c in out}
    return [c for c in cs if c.cp in keep]


def pack(a):
    """The small self-sufficient pack: one RGBA sprite per vendor plus a JSON index."""
    art = Art(a.packages)
    concepts, _ = load_concepts(a.packages, art)
    colours(art, concepts)
    cs = thin(concepts, a.max_concepts or 400)
    os.makedirs(a.out, exist_ok=True)
    cols, t = 20, a.tile
    vendors = a.train_vendors.split(",") + ([a.dev_vendor] if a.dev_vendor else [])
    index = {"tile": t, "columns": cols, "count": len(cs), "vendors": {}, "concepts": []}
    for v in vendors:
        sheet = Image.new("RGBA", (cols * t, math.ceil(len(cs) / cols) * t), (0, 0, 0, 0))
        for i, c in enumerate(cs):
            im = art.get(c.cp, v).resize((t, t), Image.LANCZOS)
            px = im.load()
            for y in range(t):
                for x in range(t):
                    if px[x, y][3] < 4:
                        px[x, y] = (0, 0, 0, 0)
            sheet.paste(im, (i % cols * t, i // cols * t))
        sheet.save(os.path.join(a.out, f"sprite_{v}.png"), optimize=True)
        index["vendors"][v] = {"file": f"sprite_{v}.png", "role": "dev" if v == a.dev_vendor else "train"}
    for i, c in enumerate(cs):
        r = concept_record(c)
        r.update(tile=i, x=i % cols * t, y=i // cols * t)
        if c.colour:
            r["colour"] = {v: k for v, k in c.colour.items() if v in vendors}
        index["concepts"].append(r)
    with open(os.path.join(a.out, "concepts.json"), "w", encoding="utf-8") as f:
        head = {k: v for k, v in index.items() if k != "concepts"}
        f.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "concepts": [\n')
        f.write(",\n".join(json.dumps(r, ensure_ascii=False) for r in index["concepts"]) + "\n]}\n")
    print(json.dumps({"concepts": len(cs), "splits": dict(collections.Counter(c.split for c in cs)), "vendors": vendors}))


# ---------------------------------------------------------------------------------------------------------- checking
def read_tsv(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def decode(b64):
    im = Image.open(io.BytesIO(base64.b64decode(b64, validate=True)))
    im.load()
    return im


def check_tsv(path, say, fail, train_mc):
    rows = read_tsv(path)
    name = os.path.basename(path)
    by = {}
    for r in rows:
        i = int(r["index"])
        if i in by:
            fail(f"{name}: index {i} twice")
        by[i] = r
    base = {i: r for i, r in by.items() if i < 1000000}
    hashes, sizes = {}, collections.Counter()
    for i, r in base.items():
        try:
            im = decode(r["image"])
        except Exception as e:
            fail(f"{name}: image of {i}: {e}")
            continue
        if im.mode != "RGB":
            fail(f"{name}: image of {i} is {im.mode}")
        sizes[im.size] += 1
        hashes[i] = hashlib.sha256(im.convert("RGB").tobytes()).hexdigest()
        o = [r[x] for x in LETTERS]
        if not options_ok([{"en": x, "zh": x} for x in o]):
            fail(f"{name}: options of {i}: {o}")
        a0 = LETTERS.find(r["answer"])
        if a0 < 0 or len(r["answer"]) != 1:
            fail(f"{name}: answer of {i}: {r['answer']!r}")
        for k in range(4):
            q = by.get(i + k * 1000000)
            if q is None:
                fail(f"{name}: row {i} lacks pass {k}")
                continue
            if [q[x] for x in LETTERS] != o[k:] + o[:k] or q["answer"] != LETTERS[(a0 - k) % 4] or q[q["answer"]] != r[r["answer"]]:
                fail(f"{name}: row {i} pass {k} is no left rotation by {k}")
            if any(q[x] != r[x] for x in ("question", "hint", "category", "l2-category", "source", "comment", "split")):
                fail(f"{name}: row {i} pass {k} differs in another column")
            if k and q["image"] not in (str(i), r["image"]):
                fail(f"{name}: row {i} pass {k}: image")
    if len(by) != 4 * len(base):
        fail(f"{name}: {len(by)} rows for {len(base)} questions")
    n = max(1, len(base))
    ans = collections.Counter(r["answer"] for r in base.values())
    if base and max(ans.values()) - min(ans[x] for x in LETTERS) > max(8, 0.08 * n):
        fail(f"{name}: answers are unbalanced: {dict(ans)}")

    def score(pick):
        van = sum(pick(r) == r["answer"] for r in by.values()) / len(by)
        van0 = sum(pick(r) == r["answer"] for r in base.values()) / n
        circ = sum(all(pick(by[i + k * 1000000]) == by[i + k * 1000000]["answer"] for k in range(4)) for i in base) / n
        return f"{100 * van0:.1f} / {100 * van:.1f} / {100 * circ:.1f} %"

    prior = collections.Counter((r["category"], r[r["answer"]]) for r in base.values())

    def textprior(r):  # leave-one-out: the option most often right elsewhere in this category
        me = (r["category"], r[r["answer"]])
        best = sorted(((prior[r["category"], r[x]] - ((r["category"], r[x]) == me), sha(r[x])), x) for x in LETTERS)
        return best[-1][1]
    major = ans.most_common(1)[0][0]
    rng = random.Random(1)

    def trained(r):  # text only: the option that was right most often when offered in the train set's MC items
        if not train_mc:
            return "A"
        return max(LETTERS, key=lambda x: ((train_mc[r[x]][0] + .25) / (train_mc[r[x]][1] + 1), sha(r[x])))
    say(f"{name}: {len(base)} questions, {len(by)} rows, {os.path.getsize(path)} bytes, image sizes {dict(sizes)}, answers {dict(sorted(ans.items()))}")
    say(f"  baselines, vanilla on base rows / vanilla on all rows / circular: first letter {score(lambda r: 'A')}; majority letter "
        f"({major}) {score(lambda r: major)}; random {score(lambda r: rng.choice(LETTERS))}; longest option "
        f"{score(lambda r: max(LETTERS, key=lambda x: (len(r[x]), r[x])))}; text prior of this file {score(textprior)}" + (f"; text prior of the train set {score(trained)}" if train_mc else ""))
    for col in ("l2-category", "category", "comment", "source"):
        say(f"  {col}: {dict(collections.Counter(r[col] for r in base.values()).most_common())}")
    return rows, base, hashes


def verify(a):
    bad = []

    def fail(m):
        bad.append(m)
        print("FAIL", m)
    root, say = a.verify, print
    man = {}
    if os.path.exists(os.path.join(root, "manifest.json")):
        with open(os.path.join(root, "manifest.json"), encoding="utf-8") as f:
            man = json.load(f)
    split = {c["cp"]: c["split"] for c in man.get("concepts", [])}
    names = {c["cp"]: c["name"] for c in man.get("concepts", [])}
    train_pairs, train_hash, train_layouts, used = set(), {}, set(), set()
    train_mc = collections.defaultdict(lambda: [0, 0])  # option text -> [times right, times offered]
    for fn in ("align.json", "tune.json"):
        p = os.path.join(root, fn)
        if not os.path.exists(p):
            continue
        with open(p, encoding="utf-8") as f:
            rows = json.load(f)
        ids = [r["id"] for r in rows]
        if len(set(ids)) != len(ids):
            fail(f"{fn}: ids are not unique")
        letters = collections.Counter()
        for r in rows:
            c = r["conversations"]
            if not c or [x["from"] for x in c] != ["human", "gpt"] * (len(c) // 2):
                fail(f"{fn}: {r['id']}: turns")
            tags = sum(x["value"].count("<image>") for x in c)
            if tags != (1 if r.get("image") else 0):
                fail(f"{fn}: {r['id']}: {tags} <image>")
            if r.get("image"):
                used.add(r["image"])
            letters.update(x["value"] for x in c if x["from"] == "gpt" and x["value"] in LETTERS)
            for q, ans in zip(c[::2], c[1::2]):
                if ans["value"] in LETTERS:
                    for l, x in re.findall(r"\n([A-D])\. ([^\n]+)", q["value"]):
                        train_mc[x][0] += l == ans["value"]
                        train_mc[x][1] += 1
            for cp in r["concepts"]:
                train_pairs.add((cp, r["source"]))
                if split and split.get(cp) != "train":
                    fail(f"{fn}: {r['id']} uses {cp}, a {split.get(cp)} concept")
            if r.get("layout", "").split(":")[0] in ("count", "pair", "size", "three", "block", "grid"):
                train_layouts.add(r["layout"])
        say(f"{fn}: {len(rows)} rows, letters {dict(sorted(letters.items()))}")
        held = {n for cp, n in names.items() if split[cp] != "train"}
        text = collections.Counter(n for r in rows for x in r["conversations"] for n in
                                   ({x["value"]} | set(re.findall(r"\n[A-D]\. ([^\n]+)", x["value"]))) & held)
        if text:
            fail(f"{fn}: held-out names in the texts: {list(text.items())[:5]}")
    cj = os.path.join(root, "concepts.json")
    if os.path.exists(cj):
        with open(cj, encoding="utf-8") as f:
            d = json.load(f)
        t, seen = d["tile"], collections.Counter()
        if any(c["split"] == "test" for c in d["concepts"]) or "twemoji" in d["vendors"]:
            fail("concepts.json: a test concept or the reserved vendor")
        for v, m in d["vendors"].items():
            with Image.open(os.path.join(root, m["file"])) as im:
                im.load()
                if im.mode != "RGBA" or im.size[0] != d["columns"] * t or im.size[1] < math.ceil(d["count"] / d["columns"]) * t:
                    fail(f"{m['file']}: {im.mode} {im.size}")
                for c in d["concepts"]:
                    tile = im.crop((c["x"], c["y"], c["x"] + t, c["y"] + t))
                    if tile.getchannel("A").getextrema()[1] < 200:
                        fail(f"{m['file']}: empty tile {c['cp']}")
                    seen[hashlib.sha256(tile.tobytes()).hexdigest()] += 1
        say(f"concepts.json: {d['count']} concepts x {len(d['vendors'])} vendors, {len(seen)} different tiles of {t} px, "
            f"{dict(collections.Counter(c['split'] for c in d['concepts']))}")
    img = os.path.join(root, "images")
    if os.path.isdir(img):
        on_disk = set(os.listdir(img))
        if used - on_disk:
            fail(f"{len(used - on_disk)} images named in the JSON are missing")
        nbytes = 0
        for fn in sorted(on_disk):
            p = os.path.join(img, fn)
            nbytes += os.path.getsize(p)
            try:
                with Image.open(p) as im:
                    im.load()
                    if im.mode != "RGB" or im.format != "PNG":
                        fail(f"images/{fn}: {im.format} {im.mode}")
                    train_hash.setdefault(hashlib.sha256(im.tobytes()).hexdigest(), fn)
            except Exception as e:
                fail(f"images/{fn}: {e}")
        say(f"images: {len(on_disk)} PNG, {nbytes} bytes, {len(train_hash)} different, {len(on_disk - used)} unused")
    texts = {}
    for fn in sorted(os.listdir(root)):
        m = re.fullmatch(r"(.*)_(en|cn)\.tsv", fn)
        if not m or "pope" in fn:
            continue
        rows, base, hashes = check_tsv(os.path.join(root, fn), say, fail, train_mc)
        for i, h in hashes.items():
            if h in train_hash:
                fail(f"{fn}: image of {i} is train image {train_hash[h]}")
        mp = os.path.join(root, m.group(1) + "_meta.jsonl")
        if os.path.exists(mp):
            hits = collections.Counter()
            for line in open(mp, encoding="utf-8"):
                d = json.loads(line)
                r = base.get(d["index"])
                if r is None or r["comment"] != d["part"] or r["source"] != d["vendor"]:
                    fail(f"{fn}: meta of {d['index']} does not fit")
                pairs = {(cp, d["vendor"]) for cp in d["concepts"]}
                if d["part"] in ("unseen_vendor", "unseen_concept") and pairs & train_pairs:
                    fail(f"{fn}: {d['index']} ({d['part']}): (concept, vendor) {pairs & train_pairs} is in the train set")
                if d["part"] == "unseen_layout":
                    if d["layout"] in train_layouts:
                        fail(f"{fn}: {d['index']}: layout {d['layout']} is in the train set")
                    hits[d["layout"].split(":")[0]] += 1
                if split and d["part"] == "unseen_concept" and any(split.get(cp) == "train" for cp in d["concepts"]):
                    fail(f"{fn}: {d['index']}: not an unseen concept")
            if train_pairs:
                say(f"  no (concept, vendor) pair of the unseen_vendor and unseen_concept parts and no image is in the train set")
        if m.group(1) in texts:
            a0 = texts[m.group(1)]
            if {i: (r["answer"], r["image"]) for i, r in a0.items()} != {i: (r["answer"], r["image"]) for i, r in base.items()}:
                fail(f"{m.group(1)}: the en and cn files differ in image or answer")
        texts[m.group(1)] = base
    pp = os.path.join(root, "emoji_pope_en.tsv")
    if os.path.exists(pp):
        rows = read_tsv(pp)
        c = collections.Counter((r["category"], r["answer"]) for r in rows)
        imgs = {r["index"]: r["image"] for r in rows}
        for r in rows:
            b = r["image"] if len(r["image"]) > 64 else imgs[r["image"]]
            im = decode(b)
            if hashlib.sha256(im.convert("RGB").tobytes()).hexdigest() in train_hash:
                fail(f"pope: image of {r['index']} is a train image")
        say(f"emoji_pope_en.tsv: {len(rows)} rows, {dict(c)}")
        for cat in ("random", "popular", "adversarial"):
            if c[cat, "yes"] != c[cat, "no"]:
                fail(f"pope {cat}: yes and no are unbalanced")
    for nm in ("align", "tune"):
        d = os.path.join(root, "arrow_" + nm)
        if os.path.isdir(d):
            import pyarrow as pa
            n = nimg = 0
            for fn in sorted(os.listdir(d)):
                if fn.endswith(".arrow"):
                    with pa.memory_map(os.path.join(d, fn)) as s:
                        t = pa.ipc.open_stream(s).read_all()
                    n += t.num_rows
                    for im in t.column("image").to_pylist():
                        if im:
                            Image.open(io.BytesIO(im["bytes"])).load()
                            nimg += 1
            want = man.get("arrow_rows", {}).get(nm)
            say(f"arrow_{nm}: {n} rows, {nimg} images decode")
            if want is not None and n != want:
                fail(f"arrow_{nm}: {n} rows, manifest says {want}")
    print("RESULT", "FAILED: %d problems" % len(bad) if bad else "ok")
    return 1 if bad else 0


def contact(a):
    """A contact sheet (PNG) of questions or drawings, to look at."""
    art = Art(a.packages)
    concepts, _ = load_concepts(a.packages, art)
    rng = random.Random(a.seed)
    vs = art.vendors()
    pick = rng.sample(concepts, 40 // len(vs))
    im = Image.new("RGB", (10 * 68, math.ceil(len(pick) * len(vs) / 10) * 68), (200, 200, 200))
    k = 0
    for c in pick:
        for v in vs:
            im.paste(single(art, c.cp, v, 64), (k % 10 * 68 + 2, k // 10 * 68 + 2))
            k += 1
    im.save(a.contact)
    print([c.en for c in pick], vs)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--packages", help="folder with one unpacked folder per npm package")
    ap.add_argument("--out", help="output folder")
    ap.add_argument("--size", type=int, default=64, help="image side in pixels (default 64; e.g. 224)")
    ap.add_argument("--seed", default="1", help="seed of every draw (not of the concept split)")
    ap.add_argument("--train-vendors", default="noto,fluent")
    ap.add_argument("--dev-vendor", default="openmoji", help="'' for none")
    ap.add_argument("--test-vendor", default="", help="e.g. twemoji")
    ap.add_argument("--align", type=int, default=-1, help="most rows of align.json (-1: all, 0: none)")
    ap.add_argument("--tinted", type=float, default=0.5, help="share of drawings that get a second caption row on a tint")
    ap.add_argument("--tune", type=int, default=8000, help="rows of tune.json")
    ap.add_argument("--dev", type=int, default=1000, help="base questions of the dev file")
    ap.add_argument("--test", type=int, default=1000, help="base questions of the test file")
    ap.add_argument("--pope", type=int, default=900, help="rows of the yes/no file")
    ap.add_argument("--jitter", type=float, default=0.5, help="share of one-object question pictures that are drawn smaller, off "
                    "the centre and maybe on a tint (default 0.5)")
    ap.add_argument("--rows", type=int, default=0, help="rows of each Arrow data set (0: none)")
    ap.add_argument("--shards", type=int, default=2)
    ap.add_argument("--max-concepts", type=int, default=0, help="thin out to about this many concepts (drops the test ones)")
    ap.add_argument("--no-test-concepts", action="store_true")
    ap.add_argument("--inline-images", action="store_true", help="repeat the image in every circular row")
    ap.add_argument("--jpeg", action="store_true", help="JPEG (quality 92) instead of PNG in the TSV files")
    ap.add_argument("--flags", action="store_true", help="also write the flags as a set of their own")
    ap.add_argument("--pack", action="store_true", help="write the small sprite pack instead")
    ap.add_argument("--tile", type=int, default=48, help="tile side of the sprite pack")
    ap.add_argument("--contact", metavar="PNG", help="write a contact sheet of 40 drawings instead")
    ap.add_argument("--verify", metavar="DIR", help="check an output folder instead; exit status 1 on a problem")
    a = ap.parse_args()
    if a.verify:
        sys.exit(verify(a))
    if not a.packages or not (a.out or a.contact):
        ap.error("--packages and --out are needed")
    contact(a) if a.contact else pack(a) if a.pack else build(a)


if __name__ == "__main__":
    main()
