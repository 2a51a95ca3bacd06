#include "http/html_text.h"

#include "http/utf8.h"

namespace sluice::http {

namespace {

constexpr std::string_view common_style =
    ":root{color-scheme:light "
    "dark;--back:#fbfbfd;--card:#fff;--text:#1d2330;--dim:#667085;--line:#e6e8ee;"
    "--hover:#f3f6fc;--link:#1f5fd0;--folder:#e0a526;--file:#98a2b3}"
    "@media(prefers-color-scheme:dark){:root{--back:#0f1218;--card:#171b23;--text:#e6e9f0;--dim:#"
    "98a1b3;"
    "--line:#272d39;--hover:#1e2430;--link:#86b0ff;--folder:#f0c050;--file:#6d788c}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--text);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}"
    "a:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:4px}";

std::string_view entity_of(char letter) noexcept {
    switch (letter) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            return {};
    }
}

}  // namespace

void append_html_text(std::string& out, std::string_view text) {
    for (char letter : printable(text)) {
        auto entity = entity_of(letter);
        if (entity.empty()) {
            out += letter;
        } else {
            out += entity;
        }
    }
}

void append_page_head(std::string& out, std::string_view title, std::string_view style) {
    out +=
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>";
    append_html_text(out, title);
    out += "</title>\n<style>";
    out += common_style;
    out += style;
    out += "</style>\n</head>\n<body>\n";
}

}  // namespace sluice::http
