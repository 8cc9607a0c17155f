# SPDX-License-Identifier: Apache-2.0
# The package is put together in <build>/python/varo: links to the sources, the extension, and the
# type stubs that tools/make_stubs.py writes from the operators' schemas. The extension is one file that
# holds the objects itself: bindings reach what the shared library hides, and it needs no search path.
if(NOT PYTHON_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(PYTHON_EXECUTABLE /usr/bin/python3 CACHE FILEPATH "The Python to build for")
endif()
find_package(pybind11 REQUIRED)

file(GLOB bindings CONFIGURE_DEPENDS src/python/*.cc)
pybind11_add_module(_core MODULE NO_EXTRAS NO_EXTRAS ${bindings} ${VARO_OBJECTS})
target_link_libraries(_core PRIVATE varo_flags)
varo_exports(_core PyInit__core)
set(VARO_PACKAGE ${CMAKE_BINARY_DIR}/python/varo)
set_target_properties(_core PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${VARO_PACKAGE})

file(GLOB_RECURSE package_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/python/varo
     python/varo/*.py python/varo/py.typed)
foreach(file ${package_files})
  get_filename_component(folder ${VARO_PACKAGE}/${file} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/python/varo/${file} ${VARO_PACKAGE}/${file} SYMBOLIC)
endforeach()
file(GLOB_RECURSE links RELATIVE ${VARO_PACKAGE} ${VARO_PACKAGE}/*.py)
list(REMOVE_ITEM links ${package_files})
list(TRANSFORM links PREPEND ${VARO_PACKAGE}/)
if(links)
  file(REMOVE ${links})  # of modules that are gone
endif()

set(stamp ${CMAKE_BINARY_DIR}/generated/stubs.stamp)
set(make_stubs ${CMAKE_SOURCE_DIR}/tools/make_stubs.py)
add_custom_command(OUTPUT ${stamp}
                   COMMAND ${PYTHON_EXECUTABLE} -B ${make_stubs} ${VARO_PACKAGE}
                   COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
                   DEPENDS _core ${make_stubs} ${CMAKE_SOURCE_DIR}/tools/schema_text.py
                           ${CMAKE_SOURCE_DIR}/tools/core_stub.txt ${CMAKE_SOURCE_DIR}/tools/node_stub.txt
                   COMMENT "Type stubs")
add_custom_target(varo_python ALL DEPENDS ${stamp})

set(VARO_PYTHON_DIR "${CMAKE_INSTALL_LIBDIR}/python3/dist-packages" CACHE STRING
    "Where the package goes, below the prefix")
install(TARGETS _core LIBRARY DESTINATION ${VARO_PYTHON_DIR}/varo)
install(DIRECTORY python/varo DESTINATION ${VARO_PYTHON_DIR} FILES_MATCHING PATTERN "*.py" PATTERN "py.typed"
        PATTERN "__pycache__" EXCLUDE)
install(DIRECTORY ${VARO_PACKAGE}/ DESTINATION ${VARO_PYTHON_DIR}/varo FILES_MATCHING PATTERN "*.pyi"
        PATTERN "__pycache__" EXCLUDE)
