#pragma once

#include "server/routes.h"

namespace divan::server {

Task<Response> get_config(Call& call);
Task<Response> post_config_reload(Call& call);
Task<Response> get_config_section(Call& call);
Task<Response> get_config_value(Call& call);
Task<Response> put_config_value(Call& call);
Task<Response> delete_config_value(Call& call);

}  // namespace divan::server
