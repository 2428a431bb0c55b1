"""Markup and style of the gallery page (Jinja)."""

CSS = """
:root { --page: #f4f6f8; --card: #fff; --ink: #17202c; --muted: #566273; --rule: #d6dce4;
  --link: #1a4f8f; --bad: #a8201a; }
@media (prefers-color-scheme: dark) {
  :root { --page: #11161d; --card: #1a212b; --ink: #e7ebf0; --muted: #a3aebb; --rule: #36414e;
  --link: #8fbcff; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main { max-width: 1900px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 21px; margin: 28px 0 8px;
  text-transform: capitalize; }
h3 { font-size: 17px; margin: 0; } h3 span { font-weight: 400; color: var(--muted); }
p { margin: 4px 0; max-width: 75em; } a { color: var(--link); }
.quiet { color: var(--muted); font-size: 13px; }
nav { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 14px; margin: 8px 0; }
  nav b { width: 100%; margin-top: 6px; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 16px; margin: 0 0 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(520px, 100%), 1fr));
  gap: 14px; margin-top: 10px; }
figure { margin: 0; min-width: 0; border-top: 3px solid var(--rule); padding-top: 4px; }
figcaption { font-size: 13px; color: var(--muted); } figcaption b { color: var(--ink);
  font-size: 14px; }
img, .clean { display: block; width: 100%; height: auto; margin-top: 4px;
  background-size: 100% 100%; }
.lidar0 { aspect-ratio: 2 / 1; } .cameras0, .points0 { aspect-ratio: RATIO; }
.failed { border-top-color: var(--bad); } .bad { color: var(--bad); font-weight: 600; }
summary { cursor: pointer; color: var(--link); font-size: 13px; }
"""

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="calico {{ version }}">
<title>Corruptions of {{ frame.token }}</title>
<style>{{ css }}</style>
</head>
<body>
<header>
<h1>Corruptions of frame {{ frame.token }}</h1>
<p class="quiet">{{ source }} · {{ frame.images|length }} cameras · {{ frame.points|length }}
points · {{ frame.boxes|length }} labelled objects · seed {{ seed }} · suite {{ suite }} · CALICO
{{ version }}</p>
<p class="quiet">Only the sensors that a corruption changed are shown; a clean picture stands
before each row. LiDAR: 64 × 64 m from above (forward is up), and a close-up of one object, 12 × 6
m, from above and from its side. Colour is the intensity, violet to red, on one scale. Outlines
are the labels. Errors of the calibration: the LiDAR points on the images, coloured by distance.</p>
{% if failed %}<p class="bad">✗ {{ failed|length }} effect checks failed on this frame:</p><ul
class="bad">{% for text in failed %}<li>{{ text }}</li>{% endfor %}</ul>
{% else %}<p>✓ Every effect check passed.</p>{% endif %}
<nav aria-label="Corruptions">{% for group, panels in groups.items() %}
<b>{{ group }}</b>{% for panel in panels %}
<a href="#{{ panel.name }}">{{ panel.name }}</a>{% endfor %}{% endfor %}</nav>
</header>
<main>
{% for group, panels in groups.items() %}
<h2>{{ group }}</h2>
{% for panel in panels %}
<section id="{{ panel.name }}">
<h3>{{ panel.name }} <span>{{ panel.specs|map(attribute='description')|join(' ') }}</span></h3>
<p class="quiet">{% for spec in panel.specs %}Changes {{ spec.sensors|join(', ') }}. Source:
{{ spec.source }}. Suites: {{ spec.suites|join(', ') or 'none' }}. {% endfor %}</p>
<details><summary>How</summary>{% for spec in panel.specs %}
{% for text in paragraphs(spec.function.__doc__) %}<p>{{ text }}</p>{% endfor %}{% endfor %}
</details>
{% set cameras = panel.tiles|selectattr('cameras')|list|length %}
{% set lidar = panel.tiles|selectattr('lidar')|list|length %}
<div class="tiles">
<figure><figcaption><b>clean</b></figcaption>
{% if cameras %}<div class="clean {{ 'points0' if panel.calibration else 'cameras0' }}" role="img"
aria-label="The clean frame, cameras"></div>{% endif %}
{% if lidar %}<div class="clean lidar0" role="img"
aria-label="The clean frame, LiDAR"></div>{% endif %}
</figure>
{% for tile in panel.tiles %}
<figure{% if tile.problem %} class="failed"{% endif %}><figcaption><b>{{ tile.severity }}</b> ·
{{ tile.at }}<br>{{ tile.measured|join(', ') }}{{ tile.spared }}{% if tile.problem %} <span
class="bad">✗ {{ tile.problem }}</span>{% endif %}</figcaption>
{% if tile.cameras %}<img src="{{ tile.cameras }}"
alt="{{ panel.name }}, severity {{ tile.severity }}, cameras">{% endif %}
{% if tile.lidar %}<img src="{{ tile.lidar }}"
alt="{{ panel.name }}, severity {{ tile.severity }}, LiDAR">{% endif %}
</figure>
{% endfor %}
</div>
</section>
{% endfor %}
{% endfor %}
</main>
</body>
</html>"""
