# What `cmake --install` puts where: the library with its headers, the CMake package `sluice`, the
# pkg-config module `sluice`, the tool, the licence and the documents.
include(CMakePackageConfigHelpers)

set(sluice_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
install(TARGETS sluice sluice_managed_segment sluice_asio EXPORT sluice_targets FILE_SET HEADERS)
install(EXPORT sluice_targets FILE sluice-targets.cmake NAMESPACE sluice::
        DESTINATION ${sluice_package_dir})

configure_package_config_file(cmake/sluice-config.cmake.in sluice-config.cmake
                              INSTALL_DESTINATION ${sluice_package_dir}
                              NO_SET_AND_CHECK_MACRO)
# While the major version is 0, each minor version may break the interface.
write_basic_package_version_file(sluice-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sluice-config.cmake
              ${PROJECT_BINARY_DIR}/sluice-config-version.cmake
        DESTINATION ${sluice_package_dir})

# The module finds its prefix from where it lies, so that an installed tree may be moved.
file(RELATIVE_PATH sluice_pc_to_prefix
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/sluice.pc.in sluice.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sluice.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
