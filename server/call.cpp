#include "server/routes.h"

namespace divan::server {

const std::string& Call::path(std::string_view name) const {
    for (const auto& [its_name, value] : path_values) {
        if (its_name == name) return value;
    }
    DIVAN_CHECK(!"a handler asks for a name that its pattern lacks");
    static const std::string nothing;
    return nothing;
}

}  // namespace divan::server
