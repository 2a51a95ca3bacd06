#include "http/media_types.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "http/field_text.h"

namespace sluice::http {

namespace {

constexpr std::string_view fallback_type = "application/octet-stream";
constexpr std::size_t extension_size_max = 32;

constexpr std::string_view builtin_lines = R"(
text/html html htm
text/css css
text/javascript js mjs cjs
text/plain txt text log conf ini
text/markdown md markdown
text/csv csv
text/vtt vtt
text/calendar ics
application/json json map
application/ld+json jsonld
application/geo+json geojson
application/manifest+json webmanifest
application/xml xml xsl xsd
application/xhtml+xml xhtml
application/atom+xml atom
application/rss+xml rss
application/yaml yaml yml
application/toml toml
application/wasm wasm
application/pdf pdf
application/epub+zip epub
application/zip zip
application/gzip gz tgz
application/zstd zst
application/x-brotli br
application/x-bzip2 bz2
application/x-xz xz
application/x-tar tar
application/x-7z-compressed 7z
application/java-archive jar
application/vnd.ms-fontobject eot
image/svg+xml svg svgz
image/png png
image/apng apng
image/jpeg jpg jpeg
image/gif gif
image/webp webp
image/avif avif
image/heic heic
image/jxl jxl
image/bmp bmp
image/tiff tif tiff
image/vnd.microsoft.icon ico
font/woff2 woff2
font/woff woff
font/ttf ttf
font/otf otf
audio/mpeg mp3
audio/mp4 m4a
audio/aac aac
audio/ogg ogg oga opus
audio/flac flac
audio/wav wav
audio/webm weba
video/mp4 mp4 m4v
video/webm webm
video/ogg ogv
video/quicktime mov
video/x-matroska mkv
application/vnd.apple.mpegurl m3u8
)";

// RFC 9239 made these names obsolete; browsers know them all, other software does not.
bool is_old_name_of_javascript(std::string_view type) noexcept {
    return type == "application/javascript" || type == "application/x-javascript" ||
           type == "application/ecmascript" || type == "text/ecmascript";
}

bool takes_charset(std::string_view type) noexcept {
    return type.starts_with("text/") && type != "text/xml" && !type.ends_with("+xml");
}

std::string_view take_word(std::string_view& line) noexcept {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    auto word = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(word.size());
    return word;
}

std::string_view extension_of(std::string_view path) noexcept {
    auto name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
    auto dot = name.rfind('.');
    return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

result<media_types> media_types::load(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        if (errno == ENOENT) return builtin();
        return failure(errno == 0 ? EIO : errno, "open", path);
    }
    std::ostringstream text;
    text << file.rdbuf();
    // Inserting no characters at all fails the output, so an empty file is told from an error by
    // errno.
    if (file.bad() || (text.fail() && errno != 0))
        return failure(errno == 0 ? EIO : errno, "read", path);
    return parse(text.view());
}

media_types media_types::builtin() {
    return parse({});
}

media_types media_types::parse(std::string_view text) {
    media_types types;
    types.text_.reserve(text.size() / 2 + builtin_lines.size() * 2);
    types.add_lines(text);
    types.add_lines(builtin_lines);
    types.sort_and_drop_repeated();
    return types;
}

void media_types::add_lines(std::string_view text) {
    while (!text.empty()) {
        auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        add_line(line.substr(0, line.find('#')));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

void media_types::add_line(std::string_view line) {
    auto type = take_word(line);
    auto extension = take_word(line);
    if (type.find('/') == std::string_view::npos || extension.empty()) return;
    if (is_old_name_of_javascript(type)) type = "text/javascript";
    auto stored_type = store(type);
    if (takes_charset(type)) stored_type.size += store("; charset=utf-8").size;
    for (; !extension.empty(); extension = take_word(line)) {
        if (extension.size() > extension_size_max) continue;
        auto stored = store(extension);
        std::transform(extension.begin(), extension.end(), text_.begin() + stored.position,
                       ascii_lower);
        entries_.push_back({stored, stored_type});
    }
}

media_types::text_range media_types::store(std::string_view text) {
    auto position = static_cast<std::uint32_t>(text_.size());
    text_ += text;
    return {position, static_cast<std::uint32_t>(text.size())};
}

void media_types::sort_and_drop_repeated() {
    // Stable, so that of equal extensions the first line stays in front.
    std::stable_sort(entries_.begin(), entries_.end(),
                     [this](const entry& left, const entry& right) {
                         return at(left.extension) < at(right.extension);
                     });
    auto repeated = std::unique(entries_.begin(), entries_.end(),
                                [this](const entry& left, const entry& right) {
                                    return at(left.extension) == at(right.extension);
                                });
    entries_.erase(repeated, entries_.end());
    entries_.shrink_to_fit();
}

std::string_view media_types::type_of(std::string_view path) const noexcept {
    auto extension = extension_of(path);
    if (extension.empty() || extension.size() > extension_size_max) return fallback_type;
    std::array<char, extension_size_max> lower;
    std::transform(extension.begin(), extension.end(), lower.begin(), ascii_lower);
    std::string_view wanted(lower.data(), extension.size());
    auto found = std::lower_bound(entries_.begin(), entries_.end(), wanted,
                                  [this](const entry& candidate, std::string_view text) {
                                      return at(candidate.extension) < text;
                                  });
    bool known = found != entries_.end() && at(found->extension) == wanted;
    return known ? at(found->type) : fallback_type;
}

}  // namespace sluice::http
