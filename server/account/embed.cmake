# cmake -DFOLDER=… -DFILES=NAME;… -DOUTPUT=FILE.cpp -P embed.cmake
# Writes the files' bytes into a source file, as server/handlers/sign_in/account_files.h declares them.
set(types_html "text/html; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_svg "image/svg+xml")

set(rows "")
foreach(name IN LISTS FILES)
    cmake_path(GET name EXTENSION LAST_ONLY extension)
    string(SUBSTRING "${extension}" 1 -1 extension)
    file(READ "${FOLDER}/${name}" bytes)
    file(SHA256 "${FOLDER}/${name}" digest)
    string(SUBSTRING "${digest}" 0 32 digest)
    string(APPEND rows
        "    {\"${name}\", \"${types_${extension}}\", R\"(\"${digest}\")\",\n"
        "     R\"--embedded--(${bytes})--embedded--\"},\n")
endforeach()
file(WRITE "${OUTPUT}"
    "#include \"server/handlers/sign_in/account_files.h\"\n\n"
    "namespace divan::server {\nnamespace {\n\n"
    "constexpr AccountFile files[] = {\n${rows}};\n\n"
    "}  // namespace\n\n"
    "std::span<const AccountFile> account_files() {\n    return files;\n}\n\n"
    "}  // namespace divan::server\n")
