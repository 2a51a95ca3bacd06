// media_types.h: the Content-Type of a file, by the end of its name.
//
// text/* and JavaScript carry "; charset=utf-8". XML types (SVG and text/xml too) carry none: an
// XML file names its own encoding, and a charset from the server would overrule it (RFC 7303
// section 3). JSON types carry none either: they are UTF-8 by definition and know no such parameter
// (RFC 8259 section 11).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/result.h>

namespace sluice::http {

// An immutable table; any number of threads may read it.
class media_types {
  public:
    // The types of a file in the form of /etc/mime.types (a type, then the extensions it goes
    // with), filled up from builtin(). Of an extension given twice the first line counts; the old
    // names of text/javascript are replaced by it. A file that does not exist is as an empty one.
    // Reads the file at once, which blocks; some 2000 lines take well below a millisecond.
    [[nodiscard]] static result<media_types> load(const std::string& path = "/etc/mime.types");

    // The types that the web is made of.
    [[nodiscard]] static media_types builtin();

    // The types in a text of the same form, filled up from builtin().
    [[nodiscard]] static media_types parse(std::string_view text);

    // The value of Content-Type for a path or a name; "application/octet-stream" when nothing is
    // known. Compares extensions without regard to case; a leading dot begins no extension. The
    // view lives as long as the table. Costs a binary search and no allocation.
    [[nodiscard]] std::string_view type_of(std::string_view path) const noexcept;

  private:
    // Positions and not views, so that moving and copying a table leaves them true.
    struct text_range {
        std::uint32_t position;
        std::uint32_t size;
    };
    struct entry {
        text_range extension;
        text_range type;
    };

    void add_lines(std::string_view text);
    void add_line(std::string_view line);
    text_range store(std::string_view text);
    void sort_and_drop_repeated();
    [[nodiscard]] std::string_view at(text_range range) const noexcept {
        return std::string_view(text_).substr(range.position, range.size);
    }

    std::string text_;            // every extension in lower case, and every type as it is sent
    std::vector<entry> entries_;  // by extension
};

}  // namespace sluice::http
