// field_list.h: the fields of a response while they are put together.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

// Names and values in the order in which they were set first.
class field_list {
  public:
    // Sets a field, replacing what was set under the name before, whatever its case.
    void set(std::string_view name, std::string_view value);
    // Adds to a comma-separated field such as Vary.
    void add_to(std::string_view name, std::string_view element);
    // Takes a field out and returns its value; empty if it was not set.
    [[nodiscard]] std::string take(std::string_view name);
    // Appends "Name: value\r\n" for each field.
    void write_to(std::string& text) const;

  private:
    using field = std::pair<std::string, std::string>;
    [[nodiscard]] std::vector<field>::iterator find(std::string_view name);
    std::vector<field> fields_;
};

}  // namespace sluice::http
