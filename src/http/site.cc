#include "http/site.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "http/field_text.h"
#include "sys/files.h"

namespace sluice::http {

result<site> site::open(site_config config) {
    auto root = sys::open(config.root, O_PATH | O_DIRECTORY);
    if (!root) return std::unexpected(error(root.error().code(), "root", config.root));
    site made(std::move(config), *std::move(root));
    for (const auto& text : made.config_.hosts) {
        auto pattern = host_pattern::parse(text);
        if (!pattern) return failure(EINVAL, "host", text);
        made.hosts_.push_back(*std::move(pattern));
    }
    for (const auto& rule : made.config_.headers)
        made.header_settings_.push_back({path_pattern(rule.path), rule.set});
    made.every_origin_ = std::ranges::find(made.config_.cors, "*") != made.config_.cors.end();
    return made;
}

site::claim site::claim_to(std::string_view host) const noexcept {
    auto best = claim::none;
    for (const auto& pattern : hosts_) {
        if (pattern.matches(host))
            best = std::max(best, pattern.is_exact() ? claim::exact : claim::wildcard);
    }
    return best;
}

void site::apply_header_rules(std::string_view path, field_list& fields) const {
    for (const auto& setting : header_settings_) {
        if (!setting.where.matches(path)) continue;
        for (const auto& [name, value] : setting.set) {
            // What responses vary by is added to; everything else is replaced.
            equal_ignoring_case(name, "Vary") ? fields.add_to(name, value)
                                              : fields.set(name, value);
        }
    }
}

const std::string* site::error_page(int status) const noexcept {
    auto found = config_.error_pages.find(status);
    return found == config_.error_pages.end() ? nullptr : &found->second;
}

bool site::allows_origin(std::string_view origin) const noexcept {
    return every_origin_ || std::ranges::find(config_.cors, origin) != config_.cors.end();
}

result<std::shared_ptr<const site_set>> site_set::open(const server_config& config,
                                                       std::shared_ptr<const media_types> types) {
    auto made = std::make_shared<site_set>();
    for (const auto& each : config.sites) {
        auto opened = site::open(each);
        if (!opened) return failure(std::move(opened));
        made->sites.push_back(*std::move(opened));
    }
    made->types = std::move(types);
    made->limits = config.limits;
    made->forced = config.forced;
    return made;
}

const site& site_set::for_host(std::string_view host) const {
    if (sites.size() == 1) return sites.front();
    auto named = parse_host(host);
    if (!named) return sites.front();
    const auto* closest = &sites.front();
    auto best = site::claim::none;
    for (const auto& each : sites) {
        auto claim = each.claim_to(named->name);
        if (claim <= best) continue;
        best = claim;
        closest = &each;
    }
    return *closest;
}

std::uint64_t site_set::small_body_max() const noexcept {
    bool from_file = forced && traits_of(*forced).takes_files;
    return from_file ? 0 : limits.small_body_bytes;
}

}  // namespace sluice::http
