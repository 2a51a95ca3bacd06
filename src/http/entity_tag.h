// entity_tag.h: If-Match and If-None-Match (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2).
#pragma once

#include <optional>
#include <string_view>

namespace sluice::http {

// One tag of a list. `value` is the opaque tag with its quotes and points into the field it was
// read from.
struct entity_tag {
    std::string_view value;
    bool weak = false;
};

// Walks the tags of a field value; tags may contain commas. Reading stops for good at the first
// thing that is no tag: what came before it still counts, so a broken field matches less and never
// more. Allocates nothing; the field must outlive it.
class entity_tag_list {
  public:
    explicit entity_tag_list(std::string_view field) noexcept : rest_(field) {}

    // The next tag; nothing at the end of the list or of its valid part.
    [[nodiscard]] std::optional<entity_tag> next() noexcept;

  private:
    std::string_view rest_;
};

// Whether the field is `*` (which any file that exists matches) or names our tag, which must be a
// strong one with its quotes. A strong comparison takes strong tags of the list only; a weak one
// takes all.
[[nodiscard]] bool any_matches_strongly(std::string_view field, std::string_view etag) noexcept;
[[nodiscard]] bool any_matches_weakly(std::string_view field, std::string_view etag) noexcept;

}  // namespace sluice::http
