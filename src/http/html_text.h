// html_text.h: text inside the pages that the server makes itself.
#pragma once

#include <string>
#include <string_view>

namespace sluice::http {

// Appends the text so that it is text wherever it stands: between tags or in a quoted attribute.
// Control bytes and bytes that are not UTF-8 are shown as U+FFFD.
void append_html_text(std::string& out, std::string_view text);

// Appends what both kinds of page begin with, up to and with the opening of <body>: the title is
// text, the style is trusted CSS that goes after the common one. The pages hold no script and load
// nothing; a Content-Security-Policy of "default-src 'none'; style-src 'unsafe-inline'; img-src
// data:" fits them.
void append_page_head(std::string& out, std::string_view title, std::string_view style);

}  // namespace sluice::http
